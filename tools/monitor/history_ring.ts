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
import type { NamedThreads } from "./sample.ts";

/** A block a quarter of a minute. */
export const BLOCK_MS = 15_000;
/** Names of processes kept with each point. */
const NAMES_KEPT = 4;
/** Every so many blocks, five minutes, tell who their containers are. */
const ABOUT_EVERY = 20;

/** A row that is being gathered: the names are packed when it is written. */
interface GatheredRow extends Omit<HistoryRow, "byName"> {
  byName: readonly NamedThreads[];
}

interface Gathered {
  about: ContainerAbout;
  row: GatheredRow;
}

const NOTHING_YET: GatheredRow = {
  threads: 0,
  threadsMax: null,
  processes: 0,
  descriptors: 0,
  memoryBytes: 0,
  memoryMaxBytes: null,
  cpuSeconds: 0,
  forksRefused: 0,
  oomKills: 0,
  byName: [],
};

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
      rows: entries.map(([mark, { row }]) => {
        const byName = row.byName.slice(0, NAMES_KEPT);
        const packed = byName.map((one): [string, number] => [one.process, one.threads]);
        return packRow(mark, { ...row, byName: packed });
      }),
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
    const { row } = this.#gatheredOf(watch);
    // Of what rises and falls the most, of the rest the latest.
    if (sample.threads >= row.threads) {
      row.threads = sample.threads;
      row.byName = sample.byName;
    }
    row.threadsMax = finite(sample.threadsMax);
    row.processes = sample.processes;
    row.descriptors = Math.max(row.descriptors, sample.tightest?.open ?? 0);
    row.memoryBytes = Math.max(row.memoryBytes, sample.workingSetBytes);
    row.memoryMaxBytes = finite(sample.memoryMaxBytes);
    row.cpuSeconds = sample.cpuSeconds;
    row.forksRefused = sample.forksRefused;
    row.oomKills = sample.oomKills;
  }

  #gatheredOf({ mark, container }: ContainerWatch): Gathered {
    const known = this.#gathered.get(mark);
    if (known) return known;
    const { key, id, name } = container;
    const fresh: Gathered = { about: [key, id, name], row: { ...NOTHING_YET } };
    this.#gathered.set(mark, fresh);
    return fresh;
  }
}

/** JSON has no Infinity. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
