import type { HostFiles } from "./host_files.ts";

/** One level of the pids hierarchy. `max` is Infinity where there is no limit. */
export interface PidsLevel {
  folder: string;
  current: number;
  max: number;
  /** How often a fork was refused here since the cgroup was made. */
  refused: number | undefined;
}

export interface MemoryLevel {
  folder: string;
  usageBytes: number;
  limitBytes: number;
  /** What the kernel cannot take back without swap: anonymous and shared memory, kernel memory. */
  pinnedBytes: number | undefined;
  shmemBytes: number | undefined;
  oomKills: number | undefined;
  /** How often the limit was hit. */
  failures: number | undefined;
}

/** v1 writes "no limit" as the largest number of whole pages. */
const V1_NO_LIMIT = 2 ** 62;

/** Reads the pids counters of one cgroup. Undefined when it has none. */
export function readPids(files: HostFiles, folder: string): PidsLevel | undefined {
  const current = number(files.read(`${folder}/pids.current`, 64));
  if (current === undefined) return undefined;
  return {
    folder,
    current,
    max: number(files.read(`${folder}/pids.max`, 64)) ?? Number.POSITIVE_INFINITY,
    refused: keyed(files.read(`${folder}/pids.events`, 4096)).get("max"),
  };
}

/** Reads the memory counters of one cgroup. Undefined when it has none. */
export function readMemory(
  files: HostFiles,
  folder: string,
  version: 1 | 2,
): MemoryLevel | undefined {
  return version === 1 ? readMemoryV1(files, folder) : readMemoryV2(files, folder);
}

function readMemoryV1(files: HostFiles, folder: string): MemoryLevel | undefined {
  const usageBytes = number(files.read(`${folder}/memory.usage_in_bytes`, 64));
  if (usageBytes === undefined) return undefined;
  const limit = number(files.read(`${folder}/memory.limit_in_bytes`, 64));
  const stat = keyed(files.read(`${folder}/memory.stat`, 65536));
  const cache = (stat.get("total_active_file") ?? 0) + (stat.get("total_inactive_file") ?? 0);
  return {
    folder,
    usageBytes,
    limitBytes: limit === undefined || limit > V1_NO_LIMIT ? Number.POSITIVE_INFINITY : limit,
    pinnedBytes: stat.size > 0 ? Math.max(0, usageBytes - cache) : undefined,
    shmemBytes: stat.get("total_shmem"),
    oomKills: keyed(files.read(`${folder}/memory.oom_control`, 4096)).get("oom_kill"),
    failures: number(files.read(`${folder}/memory.failcnt`, 64)),
  };
}

function readMemoryV2(files: HostFiles, folder: string): MemoryLevel | undefined {
  const usageBytes = number(files.read(`${folder}/memory.current`, 64));
  if (usageBytes === undefined) return undefined;
  const stat = keyed(files.read(`${folder}/memory.stat`, 65536));
  const events = keyed(files.read(`${folder}/memory.events`, 4096));
  const cache = (stat.get("active_file") ?? 0) + (stat.get("inactive_file") ?? 0);
  return {
    folder,
    usageBytes,
    limitBytes: number(files.read(`${folder}/memory.max`, 64)) ?? Number.POSITIVE_INFINITY,
    pinnedBytes: stat.size > 0 ? Math.max(0, usageBytes - cache) : undefined,
    shmemBytes: stat.get("shmem"),
    oomKills: events.get("oom_kill"),
    failures: events.get("max"),
  };
}

/** Whether the cgroup's processes are frozen (docker pause): v1 freezer.state, v2 cgroup.events. */
export function readFrozen(files: HostFiles, folder: string, version: 1 | 2): boolean | undefined {
  if (version === 1) {
    const state = files.read(`${folder}/freezer.state`, 64)?.trim();
    return state === undefined ? undefined : state !== "THAWED";
  }
  const frozen = keyed(files.read(`${folder}/cgroup.events`, 4096)).get("frozen");
  return frozen === undefined ? undefined : frozen === 1;
}

/** "max" and anything unreadable give undefined. */
function number(text: string | undefined): number | undefined {
  const word = text?.trim();
  return word !== undefined && /^[0-9]+$/.test(word) ? Number(word) : undefined;
}

/** Parses lines of "key value". */
export function keyed(text: string | undefined): Map<string, number> {
  const out = new Map<string, number>();
  for (const line of (text ?? "").split("\n")) {
    const [key, value] = line.trim().split(/\s+/);
    if (key && value && /^[0-9]+$/.test(value)) out.set(key, Number(value));
  }
  return out;
}
