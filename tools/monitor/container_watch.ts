import { type Forecast, forecastLimit } from "./forecast.ts";
import { containerMark } from "./history_block.ts";
import type { PidsLevels } from "./pids_levels.ts";
import type { QuickFiles } from "./quick_files.ts";
import { type EventCounters, FastReader, readEvents, SlowReader } from "./read_counters.ts";
import { type ProcessFigures, readOpenFilesLimit, readProcesses } from "./read_processes.ts";
import type { ContainerSample, WatchedContainer } from "./sample.ts";
import { Series, type SeriesName } from "./series.ts";

/** What a container can run out of. */
export type Resource = "pids" | "memory" | "descriptors";

/** How near a container is to one of its limits. */
export interface Nearness {
  resource: Resource;
  used: number;
  limit: number;
  /** Used share of the limit. */
  share: number;
  forecast?: Forecast;
}

/** Every so many readings, what costs more or changes rarely is read too. */
const SLOW_EVERY = 10;
const PROCESSES_EVERY = 5;
/** prlimit(1) on a container's process is rare, and reading its limits is dear. */
const OPEN_FILES_EVERY = 30;
/** Child cgroups of a container (systemd or a container engine in it) that are followed. */
const MAX_CHILDREN = 64;
const MAX_CHILD_DEPTH = 4;

/** One container under watch: its latest sample and its recent past. */
export class ContainerWatch {
  container: WatchedContainer;
  readonly series: Series;
  /** What the day's ring calls it. */
  readonly mark: string;
  latest: ContainerSample | undefined;
  nearness: Nearness[] = [];
  readonly #files: QuickFiles;
  readonly #levels: PidsLevels;
  readonly #fast: FastReader;
  readonly #slow: SlowReader;
  #processes: ProcessFigures = { processes: 0, descriptors: 0, byName: [] };
  #events: EventCounters = { forksRefused: 0, oomKills: 0 };
  #openFiles = { pid: 0, softLimit: Number.POSITIVE_INFINITY };
  #scannedThreads = -1;
  #cgroups: string[] = [];
  /** Readings so far, from a start of its own: slow readings of many do not fall together. */
  #readings: number;
  #begun = false;

  constructor(
    container: WatchedContainer,
    files: QuickFiles,
    levels: PidsLevels,
    options: { points: number; phase: number },
  ) {
    this.container = container;
    this.mark = containerMark(container.key);
    this.#files = files;
    this.#levels = levels;
    this.#fast = new FastReader(files, container.folders);
    this.#slow = new SlowReader(files, container.folders);
    this.series = new Series(options.points);
    this.#readings = options.phase;
  }

  /** Takes one sample. Returns whether the container is still there. */
  read(timeMs: number): boolean {
    const { folders } = this.container;
    const fast = this.#fast.read();
    if (!fast) return false;
    const turn = this.#readings++;
    if (!this.#begun || turn % SLOW_EVERY === 0) this.#readSlow(fast.memoryBytes);
    if (turn % OPEN_FILES_EVERY === 0) this.#openFiles.pid = 0;
    if (fast.threads !== this.#scannedThreads || turn % PROCESSES_EVERY === 0) {
      this.#scannedThreads = fast.threads;
      this.#processes = readProcesses(this.#files, this.#cgroups);
      this.#events = readEvents(this.#files, folders);
    }
    const slow = this.#slow.latest;
    const { most, processes, descriptors, byName } = this.#processes;
    const own = { folder: folders.pids!, current: fast.threads, max: slow.threadsMax };
    const pidsLimit = this.#levels.tightest(own, timeMs);
    const sample: ContainerSample = {
      timeMs,
      threads: fast.threads,
      threadsMax: slow.threadsMax,
      forksRefused: this.#events.forksRefused,
      processes,
      descriptors,
      memoryBytes: fast.memoryBytes,
      workingSetBytes: Math.max(0, fast.memoryBytes - slow.inactiveFileBytes),
      memoryMaxBytes: slow.memoryMaxBytes,
      oomKills: this.#events.oomKills,
      cpuSeconds: fast.cpuSeconds,
      cpuMax: slow.cpuMax,
      throttledPeriods: slow.throttledPeriods,
      byName,
    };
    if (pidsLimit) sample.pidsLimit = pidsLimit;
    if (most) {
      const { pid, process, open } = most;
      sample.tightest = { pid, process, open, softLimit: this.#softLimit(pid) };
    }
    this.#keep(sample);
    return true;
  }

  /** Lets go of what it holds open. */
  close(): void {
    this.#fast.close();
  }

  /** Brings the distance to each limit, and the forecasts, up to date. */
  judge(): void {
    const sample = this.latest;
    if (!sample) return;
    const { pidsLimit, tightest } = sample;
    const candidates: [Resource, number, number, SeriesName][] = [];
    if (pidsLimit) {
      // A level above counts others too: what grows here takes of its room.
      const room = pidsLimit.max - pidsLimit.current;
      candidates.push(["pids", sample.threads, sample.threads + room, "threads"]);
    }
    if (Number.isFinite(sample.memoryMaxBytes)) {
      candidates.push(["memory", sample.workingSetBytes, sample.memoryMaxBytes, "memory"]);
    }
    if (tightest && Number.isFinite(tightest.softLimit)) {
      candidates.push(["descriptors", tightest.open, tightest.softLimit, "descriptors"]);
    }
    this.nearness = candidates
      .map(([resource, used, limit, name]) => {
        const forecast = this.#foresee(name, used, limit);
        const share = limit > 0 ? used / limit : 1;
        return { resource, used, limit, share, ...(forecast && { forecast }) };
      })
      .sort((left, right) => dangerOf(right) - dangerOf(left));
  }

  #foresee(name: SeriesName, used: number, limit: number): Forecast | undefined {
    // Most figures of most containers stand still: their past is not even looked at.
    if (used < limit && !this.series.varies(name)) return undefined;
    return forecastLimit(this.series.times(), this.series.values(name), limit);
  }

  #readSlow(memoryBytes: number): void {
    this.#begun = true;
    this.#slow.read(memoryBytes);
    const pids = this.container.folders.pids!;
    this.#cgroups = [pids, ...this.#childrenOf(pids)];
  }

  #softLimit(pid: number): number {
    if (this.#openFiles.pid !== pid) {
      this.#openFiles = { pid, softLimit: readOpenFilesLimit(this.#files, pid) };
    }
    return this.#openFiles.softLimit;
  }

  #childrenOf(folder: string): string[] {
    const out: string[] = [];
    let level = [folder];
    for (let depth = 0; depth < MAX_CHILD_DEPTH && level.length > 0; depth++) {
      level = level.flatMap((at) => this.#files.cgroups(at).map((name) => `${at}/${name}`));
      out.push(...level);
      if (out.length >= MAX_CHILDREN) break;
    }
    return out.slice(0, MAX_CHILDREN);
  }

  #keep(sample: ContainerSample): void {
    const before = this.latest;
    const seconds = before ? (sample.timeMs - before.timeMs) / 1000 : 0;
    const used = before ? sample.cpuSeconds - before.cpuSeconds : 0;
    this.series.add(sample.timeMs, {
      threads: sample.threads,
      descriptors: sample.tightest?.open ?? 0,
      memory: sample.workingSetBytes,
      cpu: seconds > 0 ? Math.max(0, used / seconds) : 0,
    });
    this.latest = sample;
  }
}

/**
 * How urgent a limit is: full is 2 and more than anything; else the used share, or nearer the
 * sooner a forecast says that the limit is met (1.9 now, 1 in an hour).
 */
export function dangerOf(nearness: Nearness): number {
  const { share, forecast } = nearness;
  if (share >= 1) return 2;
  const soon = forecast ? 1 + 0.9 / (1 + forecast.seconds / 400) : 0;
  return Math.max(share, forecast && forecast.seconds < 3600 ? soon : 0);
}
