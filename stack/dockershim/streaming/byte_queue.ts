/**
 * Bytes from one who pushes to one who pulls. `push` resolves once the reader is near enough, so
 * that a slow reader slows the writer down.
 */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #limit: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #wakeReader: () => void = () => {};
  #wakeWriter: () => void = () => {};

  /** `limit`: bytes that may wait. */
  constructor(limit = 256 * 1024) {
    this.#limit = limit;
  }

  async push(data: Uint8Array): Promise<void> {
    if (this.#ended || data.length === 0) return;
    this.#pieces.push(Uint8Array.from(data));
    this.#bytes += data.length;
    this.#wakeReader();
    while (this.#bytes > this.#limit && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
    }
  }

  /** What is queued is still read; what is pushed later is dropped. */
  end(): void {
    this.#ended = true;
    this.#wakeReader();
    this.#wakeWriter();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const piece = this.#pieces.shift();
        if (piece) {
          this.#bytes -= piece.length;
          this.#wakeWriter();
          yield piece;
          continue;
        }
        if (this.#ended) return;
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    } finally {
      this.#pieces = [];
      this.#bytes = 0;
      this.end();
    }
  }
}
