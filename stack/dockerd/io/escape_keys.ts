import { invalid } from "../refusals.ts";

const DEFAULT_KEYS = [0x10, 0x11];
const NAMED: Record<string, number> = {
  "@": 0,
  "[": 27,
  "\\": 28,
  "]": 29,
  "^": 30,
  _: 31,
};

/** Reads "ctrl-p,ctrl-q" into bytes. Empty means the default. */
export function parseDetachKeys(text: string, called: "detach" | "escape" = "escape"): number[] {
  if (text === "") return DEFAULT_KEYS;
  return text.split(",").map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const control = key.match(/^ctrl-(.)$/)?.[1];
    if (control && /^[a-z]$/.test(control)) return control.charCodeAt(0) - 96;
    const named = control === undefined ? undefined : NAMED[control];
    if (named === undefined)
      throw invalid("read detach keys", `Invalid ${called} keys (${text}) provided`);
    return named;
  });
}

/** Watches a terminal's input for the keys that detach. */
export class EscapeWatch {
  readonly #keys: number[];
  #matched = 0;

  constructor(keys: number[]) {
    this.#keys = keys;
  }

  /** Returns what is to be passed on, or undefined once the whole sequence was typed. */
  feed(data: Uint8Array): Uint8Array | undefined {
    const out: number[] = [];
    for (const byte of data) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return undefined;
        continue;
      }
      // A beginning that did not go on was meant for the program.
      out.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) out.push(byte);
    }
    return Uint8Array.from(out);
  }
}
