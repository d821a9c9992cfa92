import { readTextIfAny } from "#lib/linux/file.ts";
import { type CgroupMount, mountWith } from "../cgroup/cgroup_mounts.ts";

/** What a cgroup uses. Absent numbers could not be read; limits are 0 where there is none. */
export interface CgroupUsage {
  cpuNs?: number;
  memoryBytes?: number;
  /** What the kernel cannot take back easily: all but inactive file pages. */
  workingSetBytes?: number;
  rssBytes?: number;
  cacheBytes?: number;
  memoryLimitBytes?: number;
  memoryFailures?: number;
  oomKills?: number;
  majorFaults?: number;
  pageFaults?: number;
  threads?: number;
  threadsMax?: number;
  processes?: number;
}

/** v1 writes "no limit" as the largest number of whole pages. */
const V1_NO_LIMIT = 2 ** 62;

/** Reads the counters of a cgroup, given as its path within each hierarchy. */
export function cgroupUsage(mounts: readonly CgroupMount[], path: string): CgroupUsage {
  const folder = (controller: string) => {
    const mount = mountWith(mounts, controller);
    return mount && { path: `${mount.folder}${path}`, version: mount.version };
  };
  const cpu = folder("cpuacct") ?? folder("cpu");
  const memory = folder("memory");
  const pids = folder("pids");
  return {
    ...(cpu && cpuUsage(cpu.path, cpu.version)),
    ...(memory && (memory.version === 1 ? memoryV1(memory.path) : memoryV2(memory.path))),
    ...(pids && pidsUsage(pids.path)),
  };
}

function cpuUsage(folder: string, version: 1 | 2): CgroupUsage {
  if (version === 1) return defined({ cpuNs: number(`${folder}/cpuacct.usage`) });
  const usec = keyed(`${folder}/cpu.stat`).get("usage_usec");
  return defined({ cpuNs: usec === undefined ? undefined : usec * 1000 });
}

function memoryV1(folder: string): CgroupUsage {
  const memoryBytes = number(`${folder}/memory.usage_in_bytes`);
  if (memoryBytes === undefined) return {};
  const stat = keyed(`${folder}/memory.stat`);
  const limit = number(`${folder}/memory.limit_in_bytes`) ?? 0;
  return defined({
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - (stat.get("total_inactive_file") ?? 0)),
    rssBytes: stat.get("total_rss"),
    cacheBytes: stat.get("total_cache"),
    memoryLimitBytes: limit > V1_NO_LIMIT ? 0 : limit,
    memoryFailures: number(`${folder}/memory.failcnt`),
    oomKills: keyed(`${folder}/memory.oom_control`).get("oom_kill"),
    pageFaults: stat.get("total_pgfault"),
    majorFaults: stat.get("total_pgmajfault"),
  });
}

function memoryV2(folder: string): CgroupUsage {
  const memoryBytes = number(`${folder}/memory.current`);
  if (memoryBytes === undefined) return {};
  const stat = keyed(`${folder}/memory.stat`);
  const events = keyed(`${folder}/memory.events`);
  return defined({
    memoryBytes,
    workingSetBytes: Math.max(0, memoryBytes - (stat.get("inactive_file") ?? 0)),
    rssBytes: stat.get("anon"),
    cacheBytes: stat.get("file"),
    memoryLimitBytes: number(`${folder}/memory.max`) ?? 0,
    memoryFailures: events.get("max"),
    oomKills: events.get("oom_kill"),
    pageFaults: stat.get("pgfault"),
    majorFaults: stat.get("pgmajfault"),
  });
}

function pidsUsage(folder: string): CgroupUsage {
  const procs = readTextIfAny(`${folder}/cgroup.procs`);
  return defined({
    threads: number(`${folder}/pids.current`),
    // "max" is no number, and cAdvisor's word for no limit is 0.
    threadsMax: number(`${folder}/pids.max`) ?? 0,
    processes: procs?.split("\n").filter((line) => line !== "").length,
  });
}

function number(file: string): number | undefined {
  const text = readTextIfAny(file)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function keyed(file: string): Map<string, number> {
  const out = new Map<string, number>();
  for (const line of (readTextIfAny(file) ?? "").split("\n")) {
    const [key, value] = line.split(" ");
    if (key && value && /^\d+$/.test(value)) out.set(key, Number(value));
  }
  return out;
}

/** Without the fields that are undefined. */
function defined(usage: { [K in keyof CgroupUsage]: CgroupUsage[K] | undefined }): CgroupUsage {
  return Object.fromEntries(
    Object.entries(usage).filter(([, value]) => value !== undefined),
  ) as CgroupUsage;
}
