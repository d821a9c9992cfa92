import type { HeldNumber } from "./held_number.ts";
import type { QuickFiles } from "./quick_files.ts";
import { valueFor } from "./quick_files.ts";
import type { CounterFolders, PidsLimit } from "./sample.ts";

/** v1 writes "no limit" as the largest number of whole pages. */
const V1_NO_LIMIT = 2 ** 62;
const NS_PER_SECOND = 1e9;
const US_PER_SECOND = 1e6;
/** cpu.stat of v2 begins with this and the number. */
const USAGE = "usage_usec ".length;
/** Deeper trees than this do not occur. */
const MAX_LEVELS = 32;

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
  /** Folders above in the pids hierarchy that have a limit, innermost first. */
  limitedLevels: string[];
}

/** The counters that change all the time, held open. */
export class FastReader {
  readonly #threads: HeldNumber;
  readonly #memory: HeldNumber | undefined;
  readonly #cpu: HeldNumber | undefined;
  readonly #cpuUnits: number;

  constructor(files: QuickFiles, { version, pids, memory, cpu }: CounterFolders) {
    const v1 = version === 1;
    const usage = v1 ? "memory.usage_in_bytes" : "memory.current";
    this.#threads = files.held(`${pids}/pids.current`);
    this.#memory = memory === undefined ? undefined : files.held(`${memory}/${usage}`);
    this.#cpuUnits = v1 ? NS_PER_SECOND : US_PER_SECOND;
    if (cpu === undefined) return;
    this.#cpu = v1 ? files.held(`${cpu}/cpuacct.usage`) : files.held(`${cpu}/cpu.stat`, USAGE);
  }

  /** Undefined when the cgroup is gone. */
  read(): FastCounters | undefined {
    const threads = this.#threads.read();
    if (threads === undefined) return undefined;
    const cpuSeconds = (this.#cpu?.read() ?? 0) / this.#cpuUnits;
    return { threads, memoryBytes: this.#memory?.read() ?? 0, cpuSeconds };
  }

  close(): void {
    for (const held of [this.#threads, this.#memory, this.#cpu]) held?.close();
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

/** Reads limits, and what makes the kernel walk its statistics. `tops` end the way up. */
export function readSlow(
  files: QuickFiles,
  folders: CounterFolders,
  tops: ReadonlySet<string>,
): SlowCounters {
  const { version, pids, memory, cpu } = folders;
  const slow: SlowCounters = {
    threadsMax: limit(files.number(`${pids}/pids.max`)),
    memoryMaxBytes: Number.POSITIVE_INFINITY,
    inactiveFileBytes: 0,
    cpuMax: Number.POSITIVE_INFINITY,
    throttledPeriods: 0,
    limitedLevels: pids === undefined ? [] : limitedLevels(files, pids, tops),
  };
  if (version === 1) {
    if (memory !== undefined) {
      slow.memoryMaxBytes = limit(files.number(`${memory}/memory.limit_in_bytes`));
      const stat = files.text(`${memory}/memory.stat`);
      slow.inactiveFileBytes = valueFor(stat, "total_inactive_file") ?? 0;
    }
    if (cpu !== undefined) {
      const quota = files.number(`${cpu}/cpu.cfs_quota_us`) ?? -1;
      const period = files.number(`${cpu}/cpu.cfs_period_us`) ?? 0;
      if (quota > 0 && period > 0) slow.cpuMax = quota / period;
      slow.throttledPeriods = valueFor(files.text(`${cpu}/cpu.stat`), "nr_throttled") ?? 0;
    }
    return slow;
  }
  slow.memoryMaxBytes = limit(files.number(`${pids}/memory.max`));
  slow.inactiveFileBytes = valueFor(files.text(`${pids}/memory.stat`), "inactive_file") ?? 0;
  slow.throttledPeriods = valueFor(files.text(`${pids}/cpu.stat`), "nr_throttled") ?? 0;
  const [quota, period] = (files.text(`${pids}/cpu.max`) ?? "").split(" ").map(Number);
  if (quota! > 0 && period! > 0) slow.cpuMax = quota! / period!;
  return slow;
}

/**
 * The level with the least room now: the container's own, whose figures are known, or one of those
 * above it that have a limit.
 */
export function tightestLevel(
  files: QuickFiles,
  own: PidsLimit,
  above: readonly string[],
): PidsLimit | undefined {
  let tightest = Number.isFinite(own.max) ? own : undefined;
  for (const folder of above) {
    const max = files.number(`${folder}/pids.max`);
    const current = files.number(`${folder}/pids.current`);
    if (max === undefined || current === undefined) continue;
    if (!tightest || max - current < tightest.max - tightest.current) {
      tightest = { folder, current, max };
    }
  }
  return tightest;
}

function limitedLevels(files: QuickFiles, pids: string, tops: ReadonlySet<string>): string[] {
  const out: string[] = [];
  let at = pids.slice(0, pids.lastIndexOf("/"));
  for (let level = 0; level < MAX_LEVELS && at.length > 1 && !tops.has(at); level++) {
    if (files.number(`${at}/pids.max`) !== undefined) out.push(at);
    at = at.slice(0, at.lastIndexOf("/"));
  }
  return out;
}

function limit(value: number | undefined): number {
  return value === undefined || value > V1_NO_LIMIT ? Number.POSITIVE_INFINITY : value;
}
