import type { ContainerWatch } from "./container_watch.ts";
import { RingStore } from "./ring_store.ts";

/** A block a quarter of a minute: a day of 200 containers is some 15 MB. */
const BLOCK_MS = 15_000;
/** Names of processes kept with each point. */
const NAMES_KEPT = 4;

/** One container in one block: the most that was seen in its quarter of a minute. */
export interface HistoryRow {
  key: string;
  id: string;
  name: string;
  threads: number;
  /** null for no limit. */
  threadsMax: number | null;
  processes: number;
  descriptors: number;
  memoryBytes: number;
  memoryMaxBytes: number | null;
  cpuSeconds: number;
  forksRefused: number;
  oomKills: number;
  byName: [string, number][];
}

export interface HistoryBlock {
  timeMs: number;
  rows: HistoryRow[];
}

/** Gathers samples into blocks of the day's ring. */
export class HistoryRing {
  readonly #store: RingStore<HistoryBlock>;
  #rows = new Map<string, HistoryRow>();
  #blockEndMs = 0;
  #lastMs = 0;
  /** Why the disk refused the last block, until one is taken again. */
  failure: string | undefined;

  constructor(folder: string) {
    this.#store = new RingStore({ folder });
  }

  /** Takes one round's samples; writes a block when its time is over. */
  add(nowMs: number, watches: Iterable<ContainerWatch>): void {
    if (this.#blockEndMs === 0) this.#blockEndMs = nowMs + BLOCK_MS;
    for (const watch of watches) this.#take(watch);
    this.#lastMs = nowMs;
    if (nowMs >= this.#blockEndMs) this.flush();
  }

  /** Writes what was gathered. A full disk costs the block, not the monitor. */
  flush(): void {
    if (this.#rows.size === 0) return;
    const block = { timeMs: this.#lastMs, rows: [...this.#rows.values()] };
    this.#rows = new Map();
    this.#blockEndMs = this.#lastMs + BLOCK_MS;
    try {
      this.#store.append(block.timeMs, block);
      this.failure = undefined;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  /** One container's rows since a moment, oldest first. */
  rowsOf(key: string, sinceMs: number): (HistoryRow & { timeMs: number })[] {
    const out: (HistoryRow & { timeMs: number })[] = [];
    for (const { timeMs, rows } of this.#store.read(sinceMs)) {
      const row = timeMs >= sinceMs ? rows.find((one) => one.key === key) : undefined;
      if (row) out.push({ ...row, timeMs });
    }
    return out;
  }

  #take(watch: ContainerWatch): void {
    const sample = watch.latest;
    if (!sample) return;
    const { key, id, name } = watch.container;
    const before = this.#rows.get(key);
    const peak = !before || sample.threads >= before.threads;
    const byName = sample.byName.slice(0, NAMES_KEPT);
    this.#rows.set(key, {
      key,
      id,
      name,
      threads: Math.max(sample.threads, before?.threads ?? 0),
      threadsMax: finite(sample.threadsMax),
      processes: sample.processes,
      descriptors: Math.max(sample.tightest?.open ?? 0, before?.descriptors ?? 0),
      memoryBytes: Math.max(sample.workingSetBytes, before?.memoryBytes ?? 0),
      memoryMaxBytes: finite(sample.memoryMaxBytes),
      cpuSeconds: sample.cpuSeconds,
      forksRefused: sample.forksRefused,
      oomKills: sample.oomKills,
      byName: peak ? byName.map((one) => [one.process, one.threads]) : before.byName,
    });
  }
}

/** JSON has no Infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
