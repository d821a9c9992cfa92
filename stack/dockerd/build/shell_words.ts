import { invalid } from "../refusals.ts";

/** Longest result of expanding one word: variables may hold variables' values many times. */
const MAX_RESULT = 1024 * 1024;
/** How much of a word an error shows. */
const MAX_SHOWN = 200;
/** How deep substitutions may lie in each other. */
const MAX_DEPTH = 64;

export type Variables = ReadonlyMap<string, string>;

/** Reads `NAME=value` entries; of several with one name the first counts, as for a shell. */
export function variablesOf(entries: readonly string[]): Variables {
  const out = new Map<string, string>();
  for (const entry of entries) {
    const at = entry.indexOf("=");
    const name = at < 0 ? entry : entry.slice(0, at);
    if (!out.has(name)) out.set(name, at < 0 ? "" : entry.slice(at + 1));
  }
  return out;
}

/** Expands quotes, escapes and variables of one word, as Dockerfiles have them. */
export function expandWord(word: string, variables: Variables, escapeChar: string): string {
  return new Expansion(word, variables, escapeChar).run().result;
}

/** The same, split where unquoted spaces are: `$PORTS` may be several words. */
export function expandWords(word: string, variables: Variables, escapeChar: string): string[] {
  return new Expansion(word, variables, escapeChar).run().words;
}

const NAME = /[A-Za-z_]\w*|[0-9@*#?!-]/y;

class Expansion {
  readonly #text: string;
  readonly #variables: Variables;
  readonly #escapeChar: string;
  #at = 0;
  result = "";
  readonly words: string[] = [];
  #word = "";
  #inWord = false;

  readonly #depth: number;

  constructor(text: string, variables: Variables, escapeChar: string, depth = 0) {
    this.#depth = depth;
    this.#text = text;
    this.#variables = variables;
    this.#escapeChar = escapeChar;
  }

  run(): this {
    this.#until("");
    if (this.#inWord) this.words.push(this.#word);
    return this;
  }

  /** Adds text that is one word's whatever it holds. */
  #quoted(text: string): void {
    this.#add(text);
    this.#word += text;
    this.#inWord = true;
  }

  /** Adds text whose spaces end words. */
  #plain(text: string): void {
    this.#add(text);
    for (const char of text) {
      if (!/\s/.test(char)) {
        this.#word += char;
        this.#inWord = true;
      } else if (this.#inWord) {
        this.words.push(this.#word);
        this.#word = "";
        this.#inWord = false;
      }
    }
  }

  #add(text: string): void {
    this.result += text;
    if (this.result.length > MAX_RESULT) throw this.#fault("the expanded word is too long");
  }

  #fault(reason: string) {
    return invalid(
      "expand word",
      `failed to process ${JSON.stringify(this.#text.slice(0, MAX_SHOWN))}: ${reason}`,
    );
  }

  #until(stop: string): void {
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      if (char === stop) return;
      if (char === "'") this.#singleQuotes();
      else if (char === '"') this.#doubleQuotes();
      else if (char === "$") this.#plain(this.#dollar());
      else if (char === this.#escapeChar) this.#escaped();
      else {
        this.#plain(char);
        this.#at++;
      }
    }
  }

  #escaped(): void {
    const next = this.#text[this.#at + 1];
    this.#at += 2;
    if (next !== undefined) this.#quoted(next);
  }

  #singleQuotes(): void {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0)
      throw this.#fault("unexpected end of statement while looking for matching single-quote");
    this.#quoted(this.#text.slice(this.#at + 1, end));
    this.#at = end + 1;
  }

  #doubleQuotes(): void {
    this.#quoted("");
    this.#at++;
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]!;
      const next = this.#text[this.#at + 1] ?? "";
      if (char === '"') {
        this.#at++;
        return;
      }
      if (char === "$") this.#quoted(this.#dollar());
      else if (char === this.#escapeChar && ['"', "$", this.#escapeChar].includes(next)) {
        this.#quoted(next);
        this.#at += 2;
      } else {
        this.#quoted(char);
        this.#at++;
      }
    }
    throw this.#fault("unexpected end of statement while looking for matching double-quote");
  }

  /** At a dollar sign: the value of what follows. */
  #dollar(): string {
    this.#at++;
    if (this.#text[this.#at] === "{") return this.#braces();
    const name = this.#name();
    return name === undefined ? "$" : (this.#variables.get(name) ?? "");
  }

  #name(): string | undefined {
    NAME.lastIndex = this.#at;
    const [name] = NAME.exec(this.#text) ?? [];
    if (name !== undefined) this.#at += name.length;
    return name;
  }

  #braces(): string {
    this.#at++;
    const name = this.#name();
    if (name === undefined) throw this.#fault("syntax error: bad substitution");
    const value = this.#variables.get(name);
    const char = this.#text[this.#at];
    if (char === "}") {
      this.#at++;
      return value ?? "";
    }
    if (char !== ":") throw this.#fault(`missing ':' in substitution`);
    const modifier = this.#text[this.#at + 1] ?? "";
    this.#at += 2;
    const word = this.#inner();
    if (modifier === "-") return value || word;
    if (modifier === "+") return value ? word : "";
    if (modifier === "?") {
      if (value) return value;
      throw this.#fault(`${name}: ${word || "is not allowed to be unset"}`);
    }
    throw this.#fault(`unsupported modifier (${modifier}) in substitution`);
  }

  /** The word of a modifier, expanded, up to the closing brace. */
  #inner(): string {
    if (this.#depth >= MAX_DEPTH) throw this.#fault("substitutions are nested too deep");
    const depth = this.#depth + 1;
    const inner = new Expansion(this.#text, this.#variables, this.#escapeChar, depth);
    inner.#at = this.#at;
    inner.#until("}");
    if (this.#text[inner.#at] !== "}") throw this.#fault("syntax error: missing '}'");
    this.#at = inner.#at + 1;
    return inner.result;
  }
}
