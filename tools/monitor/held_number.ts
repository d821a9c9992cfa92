import { closeSync, openSync, readSync } from "node:fs";

const LONGEST = 64;
const ZERO = 48;
const NINE = 57;

/**
 * A counter that is read again and again through one open descriptor: a third of the cost of
 * opening it each time. A cgroup can be removed all the same; reading then says that it is gone.
 */
export class HeldNumber {
  readonly #path: string;
  readonly #skip: number;
  readonly #buffer: Buffer;
  #fd: number | undefined;

  /** `skip`: characters before the number ("usage_usec "). `buffer` may be shared by all. */
  constructor(path: string, skip: number, buffer: Buffer) {
    this.#path = path;
    this.#skip = skip;
    this.#buffer = buffer;
  }

  /** The number now; undefined when the file is gone or begins with something else. */
  read(): number | undefined {
    try {
      this.#fd ??= openSync(this.#path, "r");
      const length = readSync(this.#fd, this.#buffer, 0, LONGEST, 0);
      return this.#parse(length);
    } catch {
      this.close();
      return undefined;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #parse(length: number): number | undefined {
    let at = this.#skip;
    let value = 0;
    for (; at < length; at++) {
      const digit = this.#buffer[at]!;
      if (digit < ZERO || digit > NINE) break;
      value = value * 10 + (digit - ZERO);
    }
    return at > this.#skip ? value : undefined;
  }
}
