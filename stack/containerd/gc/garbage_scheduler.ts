import type { Log } from "#lib/log/log.ts";
import type { SpaceReserve } from "../metadata/space_reserve.ts";
import {
  type Collectable,
  type Collected,
  collectGarbage,
  sweepSnapshots,
} from "./collect_garbage.ts";

/** Deletions within this time share one collection. */
const DELAY_MS = 100;

/**
 * Runs garbage collections: soon after deletions, at once for a caller that waits. One runs at a
 * time; requests during a run are served by one more run.
 */
export class GarbageScheduler {
  readonly #parts: Collectable;
  readonly #log: Log;
  readonly #reserve: Pick<SpaceReserve, "spend" | "take">;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  /** `reserve` makes room on a full disk, and is taken again after each collection. */
  constructor(parts: Collectable, log: Log, reserve: Pick<SpaceReserve, "spend" | "take">) {
    this.#parts = parts;
    this.#log = log;
    this.#reserve = reserve;
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
    let collected: Collected;
    try {
      collected = this.#reserve.spend(() => collectGarbage(this.#parts, Date.now()));
    } finally {
      // What was discarded before can go in any case: it may be what fills the disk.
      await sweepSnapshots(this.#parts);
      this.#reserve.take();
    }
    const { blobs, snapshots } = collected;
    const ms = Math.round(performance.now() - started);
    if (blobs > 0 || snapshots.length > 0) {
      this.#log.debug("garbage collected", { blobs, snapshots: snapshots.length, ms });
    }
  }
}
