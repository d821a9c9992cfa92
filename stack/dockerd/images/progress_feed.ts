import type { ProgressMessage } from "#wire/docker-api/types/image.ts";

/** Time between two messages about the same layer, in milliseconds. */
const STEP_MS = 100;
/** Messages that may wait for a slow client before `room` makes the work wait too. */
const MAX_WAITING = 1000;
const BAR_WIDTH = 50;
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** What a long operation tells its client while it works. */
export class ProgressFeed {
  #queue: ProgressMessage[] = [];
  readonly #toldAt = new Map<string, number>();
  #wake: (() => void) | undefined;
  #drained: (() => void) | undefined;

  tell(message: ProgressMessage): void {
    this.#queue.push(message);
    this.#wake?.();
  }

  /** A layer's new state. */
  status(id: string, status: string): void {
    this.tell({ status, progressDetail: {}, id });
  }

  /** How far a layer is. Too frequent ones are left out, and unsent ones replaced. */
  progress(id: string, status: string, current: number, total: number): void {
    const now = performance.now();
    if (current < total && now - (this.#toldAt.get(id) ?? -STEP_MS) < STEP_MS) return;
    this.#toldAt.set(id, now);
    const message = {
      status,
      progressDetail: { current, total },
      progress: progressBar(current, total),
      id,
    };
    const waiting = this.#queue.findIndex(
      (item) => item.id === id && item.status === status && item.progress !== undefined,
    );
    if (waiting >= 0) this.#queue[waiting] = message;
    else this.tell(message);
  }

  /** Resolves when the client has read enough for more to be told. */
  async room(): Promise<void> {
    while (this.#queue.length >= MAX_WAITING) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
  }

  /** Takes what was told. */
  take(): ProgressMessage[] {
    const taken = this.#queue;
    this.#queue = [];
    this.#drained?.();
    return taken;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Resolves when there is something to take, or when `other` settles. */
  async news(other: Promise<unknown>): Promise<void> {
    if (this.#queue.length > 0) return;
    const told = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([told, other]);
    this.#wake = undefined;
  }
}

/**
 * Runs `work` and yields what it tells. Rejects as the work does, after all that was told. A client
 * that goes away aborts the work, which is then waited for.
 */
export async function* withProgress(
  work: (feed: ProgressFeed, signal: AbortSignal) => Promise<void>,
): AsyncIterable<ProgressMessage> {
  const feed = new ProgressFeed();
  const abort = new AbortController();
  let ended = false;
  const done = work(feed, abort.signal).finally(() => {
    ended = true;
  });
  const settled = done.catch(() => undefined);
  try {
    while (!ended || !feed.isEmpty) {
      yield* feed.take();
      if (!ended) await feed.news(settled);
    }
    await done;
  } finally {
    abort.abort();
    while (!ended) {
      feed.take();
      await feed.news(settled);
    }
  }
}

/** `[=====>      ]  1.2MB/4.5MB`, as docker draws it for a wide terminal. */
export function progressBar(current: number, total: number): string {
  if (total <= 0) return sizeText(current).padStart(8);
  const filled = Math.min(BAR_WIDTH, Math.floor(Math.floor((current / total) * 100) / 2));
  const bar = `[${"=".repeat(filled)}>${" ".repeat(BAR_WIDTH - filled)}]`;
  return `${bar} ${sizeText(current).padStart(8)}/${sizeText(total)}`;
}

/** Four digits and a unit of a thousand. */
function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${UNITS[unit]}`;
}
