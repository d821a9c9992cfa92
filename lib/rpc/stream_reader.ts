import type { Readable } from "node:stream";

/** How a reader tells its owner's words and wishes. */
export interface ReaderOptions {
  /** Turns the stream's error into what the reading loop throws. */
  fail: (error: unknown) => unknown;
  /** Called when the loop is left before the end of the stream. */
  left?: () => void;
}

/**
 * Reads the messages of a Node stream one by one, listening from now on. Unlike the stream's own
 * iterator, leaving the loop early does not destroy the stream, whose other direction may still be
 * in use. An error is thrown after the messages that came before it.
 */
export function readMessages<T>(
  source: Readable,
  options: ReaderOptions,
): AsyncGenerator<T, void, undefined> {
  const reader = new Reader<T>(source);
  return reader.iterate(options);
}

class Reader<T> {
  readonly #source: Readable;
  readonly #queue: T[] = [];
  #ended = false;
  #error: { thrown: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(source: Readable) {
    this.#source = source;
    const settle = (): void => {
      this.#ended = true;
      this.#wake();
    };
    source.on("data", (message: T) => {
      this.#queue.push(message);
      // One message ahead at most: what more there is stays in the stream's own bounded buffer.
      source.pause();
      this.#wake();
    });
    source.pause();
    source.on("end", settle);
    source.on("close", settle);
    source.on("cancelled", settle);
    source.on("error", (thrown: unknown) => {
      this.#error ??= { thrown };
      // The stream's end follows its error, once what it still holds is read.
      this.#wake();
    });
  }

  async *iterate(options: ReaderOptions): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        const message = this.#queue.shift();
        if (message !== undefined) {
          yield message;
          continue;
        }
        if (this.#ended) break;
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#source.resume();
        await woken;
      }
      if (this.#error) throw options.fail(this.#error.thrown);
    } finally {
      if (!this.#ended) options.left?.();
    }
  }
}
