import type { HeldNumbers } from "#lib/linux/quick_file.ts";
import type { QuickFiles } from "./quick_files.ts";
import { valueFor } from "./quick_files.ts";
import type { CounterFolders } from "./sample.ts";

/** v1 writes "no limit" as the largest number of whole pages. */
const V1_NO_LIMIT = 2 ** 62;
const NS_PER_SECOND = 1e9;
const US_PER_SECOND = 1e6;
/** cpu.stat of v2 begins with this and the number. */
const USAGE = "usage_usec ".length;
/** File cache that did not change its share is asked for again after so many readings. */
const STAT_EVERY = 6;

/** Counters that change all the time. */
export interface FastCounters {
  threads: number;
  memoryBytes: number;
  cpuSeconds: number;
}

/** Counters of what went wrong. They only rise, so nothing is lost by reading them seldom. */
export interface EventCounters {
  forksRefused: number;
  oomKills: number;
}

/** Limits and figures that change rarely or cost the kernel much. */
export interface SlowCounters {
  threadsMax: number;
  memoryMaxBytes: number;
  inactiveFileBytes: number;
  cpuMax: number;
  throttledPeriods: number;
}

/** The counters that change all the time, held open. */
export class FastReader {
  readonly #held: HeldNumbers;
  readonly #hasMemory: boolean;
  readonly #cpuUnits: number;

  constructor(files: QuickFiles, { version, pids, memory, cpu }: CounterFolders) {
    const v1 = version === 1;
    this.#hasMemory = memory !== undefined;
    this.#cpuUnits = v1 ? NS_PER_SECOND : US_PER_SECOND;
    const usage = v1 ? "memory.usage_in_bytes" : "memory.current";
    const time = v1 ? { path: `${cpu}/cpuacct.usage` } : { path: `${cpu}/cpu.stat`, skip: USAGE };
    this.#held = files.held([
      { path: `${pids}/pids.current` },
      ...(memory === undefined ? [] : [{ path: `${memory}/${usage}` }]),
      ...(cpu === undefined ? [] : [time]),
    ]);
  }

  /** Undefined when the cgroup is gone. */
  read(): FastCounters | undefined {
    const values = this.#held.read();
    const threads = values[0]!;
    if (threads < 0) return undefined;
    const memory = this.#hasMemory ? values[1]! : 0;
    const cpu = values[this.#hasMemory ? 2 : 1] ?? 0;
    return {
      threads,
      memoryBytes: Math.max(0, memory),
      cpuSeconds: Math.max(0, cpu) / this.#cpuUnits,
    };
  }

  close(): void {
    this.#held.close();
  }
}

/** Reads what went wrong in a cgroup so far. */
export function readEvents(files: QuickFiles, folders: CounterFolders): EventCounters {
  const { version, pids, memory } = folders;
  const forksRefused = valueFor(files.text(`${pids}/pids.events`), "max") ?? 0;
  const path = version === 1 ? `${memory}/memory.oom_control` : `${pids}/memory.events`;
  const oomKills = memory === undefined ? undefined : valueFor(files.text(path), "oom_kill");
  return { forksRefused, oomKills: oomKills ?? 0 };
}

/** Reads limits, and what makes the kernel walk its statistics where that can have changed. */
export class SlowReader {
  readonly #files: QuickFiles;
  readonly #folders: CounterFolders;
  readonly latest: SlowCounters = {
    threadsMax: Number.POSITIVE_INFINITY,
    memoryMaxBytes: Number.POSITIVE_INFINITY,
    inactiveFileBytes: 0,
    cpuMax: Number.POSITIVE_INFINITY,
    throttledPeriods: 0,
  };
  #readings = 0;
  #memoryBytes = -1;

  constructor(files: QuickFiles, folders: CounterFolders) {
    this.#files = files;
    this.#folders = folders;
  }

  /** Brings `latest` up to date. `memoryBytes` is the usage now. */
  read(memoryBytes: number): void {
    const { version, pids, memory, quota } = this.#folders;
    const { latest } = this;
    const v1 = version === 1;
    latest.threadsMax = limit(this.#files.number(`${pids}/pids.max`));
    if (memory !== undefined) {
      const name = v1 ? "memory.limit_in_bytes" : "memory.max";
      latest.memoryMaxBytes = limit(this.#files.number(`${memory}/${name}`));
      // The file cache is part of the usage: as long as that stands still, so mostly does this.
      if (memoryBytes !== this.#memoryBytes || this.#readings % STAT_EVERY === 0) {
        this.#memoryBytes = memoryBytes;
        const key = v1 ? "total_inactive_file" : "inactive_file";
        latest.inactiveFileBytes = valueFor(this.#files.text(`${memory}/memory.stat`), key) ?? 0;
      }
    }
    this.#readings += 1;
    if (quota === undefined) return;
    latest.cpuMax = this.#processors(quota, v1);
    // Nothing is throttled without a limit.
    if (!Number.isFinite(latest.cpuMax)) return;
    const stat = this.#files.text(`${quota}/cpu.stat`);
    latest.throttledPeriods = valueFor(stat, "nr_throttled") ?? 0;
  }

  #processors(folder: string, v1: boolean): number {
    let quota = -1;
    let period = 0;
    if (v1) {
      quota = this.#files.number(`${folder}/cpu.cfs_quota_us`) ?? -1;
      if (quota > 0) period = this.#files.number(`${folder}/cpu.cfs_period_us`) ?? 0;
    } else {
      // "QUOTA PERIOD", or "max PERIOD".
      const words = (this.#files.text(`${folder}/cpu.max`) ?? "").split(" ");
      [quota, period] = [Number(words[0]), Number(words[1])];
    }
    return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
  }
}

function limit(value: number | undefined): number {
  return value === undefined || value > V1_NO_LIMIT ? Number.POSITIVE_INFINITY : value;
}
