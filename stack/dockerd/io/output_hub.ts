import type { OutputChunk } from "#wire/docker-api/engine.ts";

/** What one slow reader may have waiting before the process itself is made to wait. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * One reader of a process's output: an asynchronous iterator with a bounded queue. `return` leaves.
 */
export class Subscription implements AsyncIterable<OutputChunk>, AsyncIterator<OutputChunk> {
  readonly #leave: (subscription: Subscription) => void;
  readonly #streams: readonly (1 | 2)[];
  #queue: OutputChunk[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  #room: (() => void) | undefined;

  constructor(streams: readonly (1 | 2)[], leave: (subscription: Subscription) => void) {
    this.#streams = streams;
    this.#leave = leave;
  }

  [Symbol.asyncIterator](): AsyncIterator<OutputChunk> {
    return this;
  }

  /** Queues a chunk. Returns a promise when the writer should wait for this reader. */
  push(chunk: OutputChunk): Promise<void> | undefined {
    if (this.#ended || !this.#streams.includes(chunk.stream)) return undefined;
    this.#queue.push(chunk);
    this.#bytes += chunk.data.length;
    this.#wake?.();
    if (this.#bytes < MAX_WAITING_BYTES) return undefined;
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  /** No more will come; what is queued is still read. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
    this.#freeWriter();
  }

  #freeWriter(): void {
    this.#room?.();
    this.#room = undefined;
  }

  async next(): Promise<IteratorResult<OutputChunk, undefined>> {
    while (this.#queue.length === 0) {
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const chunk = this.#queue.shift()!;
    this.#bytes -= chunk.data.length;
    if (this.#bytes < MAX_WAITING_BYTES) this.#freeWriter();
    return { done: false, value: chunk };
  }

  return(): Promise<IteratorResult<OutputChunk, undefined>> {
    this.#queue = [];
    this.#bytes = 0;
    this.end();
    this.#leave(this);
    return Promise.resolve({ done: true, value: undefined });
  }
}

/** Hands a process's output to everybody who is attached. Without readers it is dropped. */
export class OutputHub {
  readonly #readers = new Set<Subscription>();

  get readers(): number {
    return this.#readers.size;
  }

  subscribe(streams: readonly (1 | 2)[] = [1, 2]): Subscription {
    const reader = new Subscription(streams, (left) => this.#readers.delete(left));
    this.#readers.add(reader);
    return reader;
  }

  /** Passes a chunk on. Resolves at once unless a reader's queue is full. */
  push(chunk: OutputChunk): Promise<unknown> | undefined {
    let slow: Promise<void>[] | undefined;
    for (const reader of this.#readers) {
      const wait = reader.push(chunk);
      if (wait) {
        slow ??= [];
        slow.push(wait);
      }
    }
    return slow && Promise.all(slow);
  }

  /** The process is gone: readers see the end, once they have read what is queued. */
  end(): void {
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }
}
