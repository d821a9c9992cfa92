import { NO_LIMIT, readCgroupFileIfAny, readCgroupNumber, readKeyValues } from "./cgroup_files.ts";
import { type BlkioEntry, type CgroupStats, emptyMemory, nonZero } from "./cgroup_stats.ts";

const NS_PER_US = 1000n;

/** v1's table and operation for each counter of io.stat. */
const IO_COUNTERS: Record<string, readonly [string, string]> = {
  rbytes: ["ioServiceBytesRecursive", "Read"],
  wbytes: ["ioServiceBytesRecursive", "Write"],
  rios: ["ioServicedRecursive", "Read"],
  wios: ["ioServicedRecursive", "Write"],
};

function blkio(folder: string): CgroupStats["blkio"] {
  const out: Record<string, BlkioEntry[]> = {};
  for (const line of (readCgroupFileIfAny(folder, "io.stat") ?? "").split("\n")) {
    const match = /^(\d+):(\d+) (.*)$/.exec(line);
    if (!match) continue;
    for (const item of match[3]!.split(" ")) {
      const [name, value] = item.split("=");
      const counter = IO_COUNTERS[name ?? ""];
      if (!counter || !value) continue;
      const list = out[counter[0]] ?? [];
      out[counter[0]] = list;
      list.push({
        major: BigInt(match[1]!),
        minor: BigInt(match[2]!),
        op: counter[1],
        value: BigInt(value),
      });
    }
  }
  return out;
}

function memory(folder: string): CgroupStats["memory"] {
  const raw = readKeyValues(folder, "memory.stat");
  const usage = readCgroupNumber(folder, "memory.current") ?? 0n;
  const limit = readCgroupNumber(folder, "memory.max") ?? 0n;
  const swapUsage = readCgroupNumber(folder, "memory.swap.current");
  const swapLimit = readCgroupNumber(folder, "memory.swap.max") ?? 0n;
  return {
    ...nonZero({ cache: raw["file"] }),
    usage: { limit, ...nonZero({ usage }), failcnt: 0n },
    // v1 counts memory and swap together, and readers of this expect it.
    swap:
      swapUsage === undefined
        ? emptyMemory()
        : {
            limit: swapLimit === NO_LIMIT ? NO_LIMIT : swapLimit + limit,
            ...nonZero({ usage: swapUsage + usage }),
            failcnt: 0n,
          },
    kernel: emptyMemory(),
    kernelTCP: emptyMemory(),
    ...(Object.keys(raw).length > 0 ? { raw } : {}),
  };
}

/** Counters of a cgroup of the unified hierarchy, in v1's terms. */
export function statsV2(folder: string): CgroupStats {
  const cpu = readKeyValues(folder, "cpu.stat");
  const ns = (key: string) => (cpu[key] ?? 0n) * NS_PER_US;
  const max = readCgroupNumber(folder, "pids.max") ?? 0n;
  return {
    cpu: {
      usage: {
        ...nonZero({ total: ns("usage_usec") }),
        kernel: ns("system_usec"),
        user: ns("user_usec"),
      },
      throttling: nonZero({
        periods: cpu["nr_periods"],
        throttledPeriods: cpu["nr_throttled"],
        throttledTime: ns("throttled_usec"),
      }),
    },
    cpuset: {
      cpu_exclusive: 0n,
      mem_hardwall: 0n,
      mem_exclusive: 0n,
      memory_migrate: 0n,
      memory_spread_page: 0n,
      memory_spread_slab: 0n,
      memory_pressure: 0n,
      sched_load_balance: 0n,
      sched_relax_domain_level: 0n,
    },
    memory: memory(folder),
    pids: nonZero({
      current: readCgroupNumber(folder, "pids.current"),
      limit: max === NO_LIMIT ? 0n : max,
    }),
    blkio: blkio(folder),
    hugetlb: {},
    intel_rdt: {},
    network_interfaces: null,
  };
}
