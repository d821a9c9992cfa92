import { readCgroupFileIfAny, readCgroupNumber, readKeyValues } from "./cgroup_files.ts";
import { type CgroupPaths, isUnified } from "./cgroup_path.ts";
import { statsV2 } from "./stats_v2.ts";

/** A container's counters, as `events --stats` prints them (runc's `data`). Numbers are u64. */
export interface CgroupStats {
  cpu: {
    usage: CpuUsage;
    throttling: { periods?: bigint; throttledPeriods?: bigint; throttledTime?: bigint };
  };
  cpuset: Record<string, bigint | bigint[]>;
  memory: {
    cache?: bigint;
    usage: MemoryEntry;
    swap: MemoryEntry;
    kernel: MemoryEntry;
    kernelTCP: MemoryEntry;
    raw?: Record<string, bigint>;
  };
  pids: { current?: bigint; limit?: bigint };
  blkio: Record<string, BlkioEntry[]>;
  hugetlb: Record<string, { usage?: bigint; max?: bigint; failcnt: bigint }>;
  intel_rdt: Record<string, never>;
  network_interfaces: null;
}

/** Nanoseconds. */
export interface CpuUsage {
  total?: bigint;
  percpu?: bigint[];
  percpu_kernel?: bigint[];
  percpu_user?: bigint[];
  kernel: bigint;
  user: bigint;
}

/** Bytes, and how often the limit refused. */
export interface MemoryEntry {
  limit: bigint;
  usage?: bigint;
  max?: bigint;
  failcnt: bigint;
}

export interface BlkioEntry {
  major: bigint;
  minor: bigint;
  op?: string;
  value: bigint;
}

const NS_PER_TICK = 10_000_000n;

export const emptyMemory = (): MemoryEntry => ({ limit: 0n, failcnt: 0n });

/** Leaves out counters of 0, as Go's omitempty does. */
export function nonZero<T extends Record<string, bigint | undefined>>(
  counters: T,
): { [K in keyof T]?: bigint } {
  const kept = Object.entries(counters).filter(([, value]) => value !== undefined && value !== 0n);
  return Object.fromEntries(kept) as { [K in keyof T]?: bigint };
}

function cpuUsage(folder: string | undefined): CpuUsage {
  if (folder === undefined) return { kernel: 0n, user: 0n };
  const ticks = readKeyValues(folder, "cpuacct.stat");
  const usage: CpuUsage = {
    kernel: (ticks["system"] ?? 0n) * NS_PER_TICK,
    user: (ticks["user"] ?? 0n) * NS_PER_TICK,
  };
  const total = readCgroupNumber(folder, "cpuacct.usage");
  if (total) usage.total = total;
  const each = readCgroupFileIfAny(folder, "cpuacct.usage_percpu");
  if (each) usage.percpu = each.trim().split(/\s+/).map(BigInt);
  const rows = (readCgroupFileIfAny(folder, "cpuacct.usage_all") ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length === 3);
  if (rows.length > 0) {
    usage.percpu_kernel = rows.map((columns) => BigInt(columns[2]!));
    usage.percpu_user = rows.map((columns) => BigInt(columns[1]!));
  }
  return usage;
}

/** The numbers of a list such as "0-3,5". */
function listNumbers(text: string | undefined): bigint[] {
  const numbers: bigint[] = [];
  for (const part of (text ?? "").split(",")) {
    const [first, last = first] = part.split("-");
    if (!first || !/^\d+$/.test(first)) continue;
    for (let n = Number(first); n <= Number(last) && numbers.length < 65536; n++) {
      numbers.push(BigInt(n));
    }
  }
  return numbers;
}

const CPUSET_FILES = [
  "cpu_exclusive",
  "mem_hardwall",
  "mem_exclusive",
  "memory_migrate",
  "memory_spread_page",
  "memory_spread_slab",
  "memory_pressure",
  "sched_load_balance",
  "sched_relax_domain_level",
];

function cpusetStats(folder: string | undefined): CgroupStats["cpuset"] {
  const stats: CgroupStats["cpuset"] = {};
  const list = (key: string) => {
    const numbers = folder ? listNumbers(readCgroupFileIfAny(folder, `cpuset.${key}`)) : [];
    if (numbers.length > 0) stats[key] = numbers;
  };
  list("cpus");
  for (const file of CPUSET_FILES) {
    if (file === "mem_hardwall") list("mems");
    stats[file] = (folder && readCgroupNumber(folder, `cpuset.${file}`)) || 0n;
  }
  return stats;
}

function memoryEntry(folder: string, name: string): MemoryEntry {
  const prefix = name === "" ? "memory" : `memory.${name}`;
  const limit = readCgroupNumber(folder, `${prefix}.limit_in_bytes`);
  if (limit === undefined) return emptyMemory();
  return {
    limit,
    ...nonZero({
      usage: readCgroupNumber(folder, `${prefix}.usage_in_bytes`),
      max: readCgroupNumber(folder, `${prefix}.max_usage_in_bytes`),
    }),
    failcnt: readCgroupNumber(folder, `${prefix}.failcnt`) ?? 0n,
  };
}

function memoryStats(folder: string | undefined): CgroupStats["memory"] {
  const raw = folder ? readKeyValues(folder, "memory.stat") : {};
  const entry = (name: string) => (folder ? memoryEntry(folder, name) : emptyMemory());
  return {
    ...nonZero({ cache: raw["cache"] }),
    usage: entry(""),
    swap: entry("memsw"),
    kernel: entry("kmem"),
    kernelTCP: entry("kmem.tcp"),
    ...(Object.keys(raw).length > 0 ? { raw } : {}),
  };
}

/** Lines `8:0 Read 42` (or `8:0 42`); the totals at the end are left out. */
function blkioEntries(folder: string, file: string): BlkioEntry[] {
  const entries: BlkioEntry[] = [];
  for (const line of (readCgroupFileIfAny(folder, file) ?? "").split("\n")) {
    const match = /^(\d+):(\d+)(?: (\w+))? (\d+)$/.exec(line);
    if (!match) continue;
    const [, major, minor, op, value] = match;
    entries.push({
      major: BigInt(major!),
      minor: BigInt(minor!),
      ...(op ? { op } : {}),
      value: BigInt(value!),
    });
  }
  return entries;
}

/** File names by output key. Which of the four families exists depends on kernel and scheduler. */
const BLKIO_FAMILIES: Record<string, string>[] = [
  {
    sectorsRecursive: "blkio.bfq.sectors_recursive",
    ioServiceTimeRecursive: "blkio.bfq.io_service_time_recursive",
    ioWaitTimeRecursive: "blkio.bfq.io_wait_time_recursive",
    ioMergedRecursive: "blkio.bfq.io_merged_recursive",
    ioQueueRecursive: "blkio.bfq.io_queued_recursive",
    ioTimeRecursive: "blkio.bfq.time_recursive",
    ioServicedRecursive: "blkio.bfq.io_serviced_recursive",
    ioServiceBytesRecursive: "blkio.bfq.io_service_bytes_recursive",
  },
  {
    ioServicedRecursive: "blkio.throttle.io_serviced_recursive",
    ioServiceBytesRecursive: "blkio.throttle.io_service_bytes_recursive",
  },
  {
    ioServicedRecursive: "blkio.throttle.io_serviced",
    ioServiceBytesRecursive: "blkio.throttle.io_service_bytes",
  },
];

function blkioStats(folder: string | undefined): CgroupStats["blkio"] {
  if (folder === undefined) return {};
  for (const family of BLKIO_FAMILIES) {
    const found: CgroupStats["blkio"] = {};
    for (const [key, file] of Object.entries(family)) {
      const entries = blkioEntries(folder, file);
      if (entries.length > 0) found[key] = entries;
    }
    if (Object.keys(found).length > 0) return found;
  }
  return {};
}

function pidsStats(folder: string | undefined): CgroupStats["pids"] {
  if (folder === undefined) return {};
  const max = readCgroupFileIfAny(folder, "pids.max");
  return nonZero({
    current: readCgroupNumber(folder, "pids.current"),
    limit: max && max !== "max" ? BigInt(max) : 0n,
  });
}

function statsV1(paths: CgroupPaths): CgroupStats {
  const cpu = paths["cpu"];
  const throttling = cpu ? readKeyValues(cpu, "cpu.stat") : {};
  return {
    cpu: {
      usage: cpuUsage(paths["cpuacct"]),
      throttling: nonZero({
        periods: throttling["nr_periods"],
        throttledPeriods: throttling["nr_throttled"],
        throttledTime: throttling["throttled_time"],
      }),
    },
    cpuset: cpusetStats(paths["cpuset"]),
    memory: memoryStats(paths["memory"]),
    pids: pidsStats(paths["pids"]),
    blkio: blkioStats(paths["blkio"]),
    hugetlb: {},
    intel_rdt: {},
    network_interfaces: null,
  };
}

/** Reads a container's counters. What a host does not count is left out or 0. */
export function cgroupStats(paths: CgroupPaths): CgroupStats {
  return isUnified(paths) ? statsV2(paths[""]!) : statsV1(paths);
}
