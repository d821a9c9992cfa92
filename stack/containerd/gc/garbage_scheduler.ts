import type { Log } from "#lib/log/log.ts";
import { type Collectable, collectGarbage, sweepSnapshots } from "./collect_garbage.ts";

/** Deletions within this time share one collection. */
const DELAY_MS = 100;

/**
 * Runs garbage collections: soon after deletions, at once for a caller that waits. One runs at a
 * time; requests during a run are served by one more run.
 */
export class GarbageScheduler {
  readonly #parts: Collectable;
  readonly #log: Log;
  readonly #collected: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  /** `collected` is called after each collection, when there may be space again. */
  constructor(parts: Collectable, log: Log, collected: () => void) {
    this.#parts = parts;
    this.#log = log;
    this.#collected = collected;
  }

  /** Asks for a collection soon. */
  schedule(): void {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.collect().catch((error) => {
        this.#log.error("garbage collection failed", { error: String(error) });
      });
    }, DELAY_MS);
  }

  /** Collects now; resolves when everything is gone from the disk. */
  async collect(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#running) await this.#running.catch(() => {});
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  /** Stops scheduling and waits for a collection under way. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running?.catch(() => {});
  }

  async #run(): Promise<void> {
    const started = performance.now();
    const { blobs, snapshots } = collectGarbage(this.#parts, Date.now());
    await sweepSnapshots(this.#parts);
    this.#collected();
    const ms = Math.round(performance.now() - started);
    if (blobs > 0 || snapshots.length > 0) {
      this.#log.debug("garbage collected", { blobs, snapshots: snapshots.length, ms });
    }
  }
}
