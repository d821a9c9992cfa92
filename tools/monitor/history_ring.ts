import type { ContainerWatch } from "./container_watch.ts";
import {
  type ContainerAbout,
  containerMark,
  findRow,
  type HistoryBlock,
  type HistoryRow,
  packRow,
} from "./history_block.ts";
import { RingStore } from "./ring_store.ts";

/** A block a quarter of a minute. */
export const BLOCK_MS = 15_000;
/** Names of processes kept with each point. */
const NAMES_KEPT = 4;
/** Every so many blocks, five minutes, tell who their containers are. */
const ABOUT_EVERY = 20;

interface Gathered {
  about: ContainerAbout;
  row: HistoryRow;
}

/** Gathers samples into blocks of the day's ring. */
export class HistoryRing {
  readonly #store: RingStore<HistoryBlock>;
  /** By the container's mark. */
  #gathered = new Map<string, Gathered>();
  #blocks = 0;
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
    if (this.#gathered.size === 0) return;
    const entries = [...this.#gathered];
    const block: HistoryBlock = {
      timeMs: this.#lastMs,
      rows: entries.map(([mark, { row }]) => packRow(mark, row)),
    };
    if (this.#blocks++ % ABOUT_EVERY === 0) {
      block.about = Object.fromEntries(entries.map(([mark, { about }]) => [mark, about]));
    }
    this.#gathered = new Map();
    this.#blockEndMs = this.#lastMs + BLOCK_MS;
    try {
      this.#store.append(block.timeMs, block);
      this.failure = undefined;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  /** One container's rows since a moment, oldest first, from one block in `every`. */
  async rowsOf(
    key: string,
    sinceMs: number,
    every = 1,
  ): Promise<(HistoryRow & { timeMs: number })[]> {
    const mark = containerMark(key);
    const out: (HistoryRow & { timeMs: number })[] = [];
    for await (const block of this.#store.read(sinceMs, every)) {
      const row = block.timeMs >= sinceMs ? findRow(block, mark) : undefined;
      if (row) out.push({ ...row, timeMs: block.timeMs });
    }
    return out;
  }

  #take(watch: ContainerWatch): void {
    const sample = watch.latest;
    if (!sample) return;
    const { key, id, name } = watch.container;
    const mark = watch.mark;
    const before = this.#gathered.get(mark)?.row;
    const peak = !before || sample.threads >= before.threads;
    const byName = sample.byName.slice(0, NAMES_KEPT);
    const row: HistoryRow = {
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
    };
    this.#gathered.set(mark, { about: [key, id, name], row });
  }
}

/** JSON has no Infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
