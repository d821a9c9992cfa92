import { failure } from "#lib/errors/chain_error.ts";

/** Events that one subscriber may leave unread before it is cut off. */
const MAX_UNREAD = 16_384;

/**
 * The queue between the bus and one subscriber. Events wait from the moment of subscription on; a
 * subscriber that does not keep up is told so and cut off, instead of filling the daemon's memory.
 */
export class EventQueue<T> {
  #items: T[] = [];
  #ended = false;
  #overflowed = false;
  #wake: () => void = () => {};
  readonly #closed: () => void;

  /** `closed` is called once, when the subscriber has left or was cut off. */
  constructor(closed: () => void) {
    this.#closed = closed;
  }

  push(item: T): void {
    if (this.#ended) return;
    if (this.#items.length >= MAX_UNREAD) {
      this.#overflowed = true;
      this.end();
      return;
    }
    this.#items.push(item);
    this.#wake();
  }

  /** Lets the subscriber read what waits, then ends its stream. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closed();
    this.#wake();
  }

  async *read(): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        const batch = this.#items;
        this.#items = [];
        yield* batch;
        if (this.#items.length > 0) continue;
        if (this.#ended) break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#overflowed) throw overflow();
    } finally {
      this.end();
    }
  }
}

function overflow() {
  return failure({
    layer: "containerd",
    op: "events.subscribe",
    code: "resource_exhausted",
    message: `subscriber left ${MAX_UNREAD} events unread`,
    fix: "read events faster, or subscribe with a filter",
  });
}
