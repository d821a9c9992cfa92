/** Messages between who receives them and the loop that reads them, which may leave early. */
export class MessageQueue<T> {
  readonly #messages: T[] = [];
  readonly #taken: () => void;
  #ended = false;
  #error: { thrown: unknown } | undefined;
  #wake: () => void = () => {};

  /** `taken` is called when none is left. */
  constructor(taken: () => void) {
    this.#taken = taken;
  }

  get length(): number {
    return this.#messages.length;
  }

  push(message: T): void {
    this.#messages.push(message);
    this.#wake();
  }

  /** Nothing more comes; with an error, that is thrown after what came before it. */
  end(error?: { thrown: unknown }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  /** Reads them all, once. */
  async *read(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) {
        if (this.#messages.length === 0) this.#taken();
        yield message;
        continue;
      }
      if (this.#ended) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#error) throw this.#error.thrown;
  }
}
