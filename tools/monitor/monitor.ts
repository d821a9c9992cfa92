import { surveyHost } from "#tools/doctor/discover/find_stacks.ts";
import { readCgroupMounts } from "#tools/doctor/host/cgroup_tree.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { askNames, nameContainer } from "./container_names.ts";
import { ContainerWatch } from "./container_watch.ts";
import { WatchedFinder } from "./find_watched.ts";
import { HistoryRing } from "./history_ring.ts";
import { type HostFigures, readHost } from "./host_figures.ts";
import { PidsLevels } from "./pids_levels.ts";
import { QuickFiles } from "./quick_files.ts";
import { hierarchyTops } from "./watched_host.ts";

export interface MonitorOptions {
  /** Time between two samples of a container, milliseconds. */
  intervalMs: number;
  /** Our own state folder: a stack is looked for there too. */
  stateDir: string;
  /** Where the day's ring lies; without it there is none. */
  ringFolder?: string;
  /** One process writes a ring, others only read it. */
  writeRing?: boolean;
  /** Docker sockets that no process and no usual path tells of. */
  dockerSockets?: string[];
  /** For tests: a host in a folder. */
  prefix?: string;
}

/** New containers are looked for this often; runtimes' folders and daemons less. */
const DISCOVER_MS = 5_000;
const SURVEY_MS = 60_000;
const JUDGE_MS = 2_000;
/** A round is cut in slices, so that the daemon around it never waits long for us. */
const MAX_SLICES = 20;
/** Containers in a slice, while that makes no more of them: some hundred microseconds. */
const PER_SLICE = 20;
/** Ten minutes of samples a second. */
const RECENT_POINTS = 600;

/** Samples every container of the host, round after round. */
export class Monitor {
  readonly options: MonitorOptions;
  readonly watches = new Map<string, ContainerWatch>();
  readonly history: HistoryRing | undefined;
  host: HostFigures;
  /** Wall clock of the end of the last round, milliseconds. */
  roundEndMs = 0;
  readonly #files: HostFiles;
  readonly #quick: QuickFiles;
  readonly #finder: WatchedFinder;
  readonly #levels: PidsLevels;
  #runtimeRoots: string[] = [];
  #dockerSockets: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #nextDiscoverMs = 0;
  #nextSurveyMs = 0;
  #nextJudgeMs = 0;
  #listeners = new Set<() => void>();
  #running = false;

  constructor(options: MonitorOptions) {
    this.options = options;
    this.#files = new HostFiles(options.prefix ?? "/");
    this.#quick = new QuickFiles(options.prefix ?? "");
    const mounts = readCgroupMounts(this.#files);
    this.#finder = new WatchedFinder({ files: this.#files, quick: this.#quick, mounts });
    const freshForMs = options.intervalMs / 2;
    this.#levels = new PidsLevels(this.#quick, hierarchyTops(mounts), freshForMs);
    this.host = readHost(this.#quick);
    this.history = options.ringFolder ? new HistoryRing(options.ringFolder) : undefined;
  }

  /** Begins to sample; the first round is done when this returns. */
  start(): void {
    this.#running = true;
    this.#discover(Date.now());
    for (const watch of this.watches.values()) this.#readOne(watch);
    this.#finishRound();
    this.#timer = setTimeout(() => this.#round(), this.options.intervalMs);
  }

  /** Ends it and writes what the ring has not yet. */
  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
    for (const watch of this.watches.values()) watch.close();
    if (this.options.writeRing) this.history?.flush();
  }

  /** Calls `listener` after each round. Returns what ends that. */
  onRound(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #round(): void {
    const startMs = Date.now();
    if (startMs >= this.#nextDiscoverMs) this.#discover(startMs);
    const all = [...this.watches.values()];
    const perSlice = Math.max(PER_SLICE, Math.ceil(all.length / MAX_SLICES));
    const gapMs = (this.options.intervalMs * 0.8) / Math.ceil(all.length / perSlice);
    const slice = (at: number) => {
      if (!this.#running) return;
      for (const watch of all.slice(at, at + perSlice)) this.#readOne(watch);
      const next = at + perSlice;
      if (next < all.length) {
        this.#timer = setTimeout(() => slice(next), gapMs);
        return;
      }
      this.#finishRound();
      const leftMs = startMs + this.options.intervalMs - Date.now();
      this.#timer = setTimeout(() => this.#round(), Math.max(1, leftMs));
    };
    slice(0);
  }

  #readOne(watch: ContainerWatch): void {
    if (watch.read(Date.now())) return;
    watch.close();
    this.watches.delete(watch.container.key);
  }

  #finishRound(): void {
    const nowMs = Date.now();
    this.host = readHost(this.#quick);
    if (nowMs >= this.#nextJudgeMs) {
      this.#nextJudgeMs = nowMs + JUDGE_MS;
      for (const watch of this.watches.values()) watch.judge();
    }
    if (this.options.writeRing) this.history?.add(nowMs, this.watches.values());
    this.roundEndMs = nowMs;
    for (const listener of this.#listeners) listener();
  }

  #discover(nowMs: number): void {
    this.#nextDiscoverMs = nowMs + DISCOVER_MS;
    const surveyed = nowMs >= this.#nextSurveyMs;
    if (surveyed) this.#survey(nowMs);
    let fresh = false;
    for (const [key, container] of this.#finder.find(this.#runtimeRoots, this.watches)) {
      const phase = this.watches.size;
      const options = { points: RECENT_POINTS, phase };
      this.watches.set(key, new ContainerWatch(container, this.#quick, this.#levels, options));
      fresh = true;
    }
    if (fresh || surveyed) void this.#askNames();
  }

  #survey(nowMs: number): void {
    this.#nextSurveyMs = nowMs + SURVEY_MS;
    const options = { stateDir: this.options.stateDir, program: [], probe: false, readOnly: true };
    const { stacks } = surveyHost(this.#files, options);
    this.#runtimeRoots = [...new Set(stacks.flatMap((stack) => stack.runtimeRoots))];
    const found = stacks.flatMap(({ docker }) => (docker ? [docker.socket] : []));
    this.#dockerSockets = [...new Set([...(this.options.dockerSockets ?? []), ...found])];
  }

  async #askNames(): Promise<void> {
    const names = await askNames(this.#dockerSockets);
    for (const { container } of this.watches.values()) nameContainer(container, names);
  }
}
