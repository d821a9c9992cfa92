import { failure } from "#lib/errors/chain_error.ts";

/**
 * containerd's filter language:
 *
 *     filter    := selector ("," selector)*          all must hold
 *     selector  := fieldpath [operator value]         alone: the field is present
 *     fieldpath := field ("." field)*
 *     field     := quoted | [A-Za-z0-9_]+
 *     operator  := "==" | "!=" | "~="                 "~=" is a regular expression
 *     value     := quoted | [^\s,]+
 *     quoted    := a string in "…", after "~=" also in /…/ or |…|, with Go's escapes
 */
export interface Selector {
  path: string[];
  operator: "present" | "==" | "!=" | "~=";
  value: string;
}

/** Longest filter that is read; the language has no use for more. */
const MAX_FILTER_LENGTH = 64 * 1024;
const FIELD = /[A-Za-z0-9_]/;
const SPACE = /\s/;

/** Parses one filter. Throws "invalid_argument" that points at the place. */
export function parseFilter(input: string): Selector[] {
  if (input.length > MAX_FILTER_LENGTH) throw invalid(input.slice(0, 64), 0, "filter too long");
  const parser = new FilterParser(input);
  return parser.selectors();
}

function invalid(input: string, position: number, reason: string) {
  const place =
    position < input.length
      ? `${input.slice(0, position)} >|${input[position]}|< ${input.slice(position + 1)}`
      : input;
  const message = `filters: parse error: [${place}]: ${reason}: invalid argument`;
  return failure({ layer: "containerd", op: "filter.parse", code: "invalid_argument", message });
}

class FilterParser {
  readonly #input: string;
  #at = 0;

  constructor(input: string) {
    this.#input = input;
  }

  selectors(): Selector[] {
    const out = [this.#selector()];
    for (;;) {
      this.#skipSpace();
      if (this.#at >= this.#input.length) return out;
      if (this.#input[this.#at] !== ",") this.#fail(`unexpected input: ${this.#input[this.#at]}`);
      this.#at++;
      out.push(this.#selector());
    }
  }

  #selector(): Selector {
    const path = [this.#field()];
    while (this.#input[this.#at] === ".") {
      this.#at++;
      path.push(this.#field());
    }
    this.#skipSpace();
    const next = this.#input[this.#at];
    if (next === undefined || next === ",") return { path, operator: "present", value: "" };
    const operator = this.#operator();
    return { path, operator, value: this.#value(operator === "~=") };
  }

  #field(): string {
    this.#skipSpace();
    const next = this.#input[this.#at];
    if (next === '"') return this.#quoted();
    const start = this.#at;
    while (this.#at < this.#input.length && FIELD.test(this.#input[this.#at]!)) this.#at++;
    if (this.#at === start) this.#fail("expected field or quoted");
    return this.#input.slice(start, this.#at);
  }

  #operator(): "==" | "!=" | "~=" {
    const start = this.#at;
    while (/[=!~]/.test(this.#input[this.#at] ?? "")) this.#at++;
    const text = this.#input.slice(start, this.#at);
    if (text === "==" || text === "!=" || text === "~=") return text;
    this.#at = start;
    if (text === "") return this.#fail('expected an operator ("=="|"!="|"~=")');
    return this.#fail(`unsupported operator ${JSON.stringify(text)}`);
  }

  #value(alternativeQuotes: boolean): string {
    this.#skipSpace();
    const next = this.#input[this.#at];
    if (next === undefined) this.#fail("expected value or quoted");
    if (next === '"') return this.#quoted();
    if (next === "/" || next === "|") {
      if (!alternativeQuotes) this.#fail("invalid quote encountered");
      return this.#quoted();
    }
    const start = this.#at;
    while (this.#at < this.#input.length) {
      const character = this.#input[this.#at]!;
      if (character === "," || SPACE.test(character)) break;
      this.#at++;
    }
    if (this.#at === start) this.#fail("expected value or quoted");
    return this.#input.slice(start, this.#at);
  }

  #quoted(): string {
    const quote = this.#input[this.#at]!;
    const start = this.#at++;
    let out = "";
    for (;;) {
      const character = this.#input[this.#at];
      if (character === undefined || character === "\n") {
        this.#at = start;
        this.#fail("quoted literal not terminated");
      }
      this.#at++;
      if (character === quote) return out;
      out += character === "\\" ? this.#escape(quote) : character;
    }
  }

  #escape(quote: string): string {
    const character = this.#input[this.#at++] ?? "";
    const simple = SIMPLE_ESCAPES[character];
    if (simple !== undefined) return simple;
    if (character === quote) return quote;
    const hex = HEX_ESCAPES[character];
    if (hex !== undefined) return this.#digits(hex, 16);
    if (/[0-7]/.test(character)) {
      this.#at--;
      return this.#digits(3, 8);
    }
    this.#at--;
    return this.#fail("illegal escape sequence");
  }

  #digits(count: number, base: number): string {
    const text = this.#input.slice(this.#at, this.#at + count);
    const code = Number.parseInt(text, base);
    const valid = base === 16 ? /^[0-9a-fA-F]+$/ : /^[0-7]+$/;
    if (text.length < count || !valid.test(text) || code > 0x10ffff) {
      this.#fail("illegal numeric escape sequence");
    }
    this.#at += count;
    return String.fromCodePoint(code);
  }

  #skipSpace(): void {
    while (SPACE.test(this.#input[this.#at] ?? "")) this.#at++;
  }

  #fail(reason: string): never {
    throw invalid(this.#input, this.#at, reason);
  }
}

const SIMPLE_ESCAPES: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

const HEX_ESCAPES: Record<string, number> = { x: 2, u: 4, U: 8 };
