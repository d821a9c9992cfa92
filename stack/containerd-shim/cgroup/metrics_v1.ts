import type { MessageInitShape } from "@bufbuild/protobuf";
import type { BlkIOEntrySchema, MetricsSchema } from "#gen/wire/task-ttrpc/proto/metrics_v1_pb.ts";
import type { CgroupLocation } from "./cgroup_location.ts";
import {
  hugePageSizes,
  parseCounter,
  readCounter,
  readCounterFile,
  readNamed,
  readRdma,
} from "./counter_files.ts";

/** cpuacct.stat counts in clock ticks, of which Linux shows user space a hundred a second. */
const NS_PER_TICK = 10_000_000n;

type Metrics = MessageInitShape<typeof MetricsSchema>;
type BlkIOEntries = MessageInitShape<typeof BlkIOEntrySchema>[];

/** A container's counters on cgroup v1 as io.containerd.cgroups.v1.Metrics. */
export function readMetricsV1(location: CgroupLocation): Metrics {
  const { v1 } = location;
  const metrics: Metrics = {
    hugetlb: hugePageSizes(v1["hugetlb"]).map((pagesize) => ({
      pagesize,
      usage: readCounter(v1["hugetlb"], `hugetlb.${pagesize}.usage_in_bytes`),
      max: readCounter(v1["hugetlb"], `hugetlb.${pagesize}.max_usage_in_bytes`),
      failcnt: readCounter(v1["hugetlb"], `hugetlb.${pagesize}.failcnt`),
    })),
  };
  if (v1["pids"]) {
    const limit = readCounterFile(v1["pids"], "pids.max")?.trim();
    // Unlike every other counter, no limit on pids is reported as 0.
    metrics.pids = {
      current: readCounter(v1["pids"], "pids.current"),
      limit: limit === "max" ? 0n : parseCounter(limit),
    };
  }
  if (v1["cpuacct"] || v1["cpu"]) metrics.cpu = readCpu(v1);
  if (v1["memory"]) {
    metrics.memory = readMemory(v1["memory"]);
    const control = readNamed(v1["memory"], "memory.oom_control");
    metrics.memoryOomControl = {
      oomKillDisable: control("oom_kill_disable"),
      underOom: control("under_oom"),
      oomKill: control("oom_kill"),
    };
  }
  if (v1["blkio"]) metrics.blkio = readBlkio(v1["blkio"]);
  if (v1["rdma"]) {
    metrics.rdma = {
      current: readRdma(v1["rdma"], "rdma.current"),
      limit: readRdma(v1["rdma"], "rdma.max"),
    };
  }
  return metrics;
}

function readCpu(v1: Record<string, string>): NonNullable<Metrics["cpu"]> {
  const ticks = readNamed(v1["cpuacct"], "cpuacct.stat");
  const throttled = readNamed(v1["cpu"], "cpu.stat");
  const perCpu = readCounterFile(v1["cpuacct"], "cpuacct.usage_percpu")?.trim().split(/\s+/);
  return {
    usage: {
      total: readCounter(v1["cpuacct"], "cpuacct.usage"),
      kernel: ticks("system") * NS_PER_TICK,
      user: ticks("user") * NS_PER_TICK,
      perCpu: perCpu?.map(parseCounter) ?? [],
    },
    throttling: {
      periods: throttled("nr_periods"),
      throttledPeriods: throttled("nr_throttled"),
      throttledTime: throttled("throttled_time"),
    },
  };
}

function readMemory(folder: string): NonNullable<Metrics["memory"]> {
  const stat = readNamed(folder, "memory.stat");
  const entry = (module: string) => ({
    usage: readCounter(folder, `memory.${module}usage_in_bytes`),
    max: readCounter(folder, `memory.${module}max_usage_in_bytes`),
    failcnt: readCounter(folder, `memory.${module}failcnt`),
    limit: readCounter(folder, `memory.${module}limit_in_bytes`),
  });
  return {
    cache: stat("cache"),
    rss: stat("rss"),
    rssHuge: stat("rss_huge"),
    mappedFile: stat("mapped_file"),
    dirty: stat("dirty"),
    writeback: stat("writeback"),
    pgPgIn: stat("pgpgin"),
    pgPgOut: stat("pgpgout"),
    pgFault: stat("pgfault"),
    pgMajFault: stat("pgmajfault"),
    inactiveAnon: stat("inactive_anon"),
    activeAnon: stat("active_anon"),
    inactiveFile: stat("inactive_file"),
    activeFile: stat("active_file"),
    unevictable: stat("unevictable"),
    hierarchicalMemoryLimit: stat("hierarchical_memory_limit"),
    hierarchicalSwapLimit: stat("hierarchical_memsw_limit"),
    totalCache: stat("total_cache"),
    totalRss: stat("total_rss"),
    totalRssHuge: stat("total_rss_huge"),
    totalMappedFile: stat("total_mapped_file"),
    totalDirty: stat("total_dirty"),
    totalWriteback: stat("total_writeback"),
    totalPgPgIn: stat("total_pgpgin"),
    totalPgPgOut: stat("total_pgpgout"),
    totalPgFault: stat("total_pgfault"),
    totalPgMajFault: stat("total_pgmajfault"),
    totalInactiveAnon: stat("total_inactive_anon"),
    totalActiveAnon: stat("total_active_anon"),
    totalInactiveFile: stat("total_inactive_file"),
    totalActiveFile: stat("total_active_file"),
    totalUnevictable: stat("total_unevictable"),
    usage: entry(""),
    swap: entry("memsw."),
    kernel: entry("kmem."),
    kernelTcp: entry("kmem.tcp."),
  };
}

function readBlkio(folder: string): NonNullable<Metrics["blkio"]> {
  const read = (name: string) => parseBlkio(readCounterFile(folder, `blkio.${name}`) ?? "");
  const bytes = read("io_service_bytes_recursive");
  // CFQ's files are gone from current kernels; what remains are the throttler's.
  const throttle = bytes.length === 0;
  return {
    ioServiceBytesRecursive: throttle ? read("throttle.io_service_bytes_recursive") : bytes,
    ioServicedRecursive: read(
      throttle ? "throttle.io_serviced_recursive" : "io_serviced_recursive",
    ),
    ioQueuedRecursive: read("io_queued_recursive"),
    ioServiceTimeRecursive: read("io_service_time_recursive"),
    ioWaitTimeRecursive: read("io_wait_time_recursive"),
    ioMergedRecursive: read("io_merged_recursive"),
    ioTimeRecursive: read("time_recursive"),
    sectorsRecursive: read("sectors_recursive"),
  };
}

/** Lines "MAJOR:MINOR [Operation] VALUE"; the total at the end has no device and is left out. */
export function parseBlkio(text: string): BlkIOEntries {
  const entries: BlkIOEntries = [];
  for (const line of text.split("\n")) {
    const found = line.match(/^(\d+):(\d+) (?:([A-Z]\w*) )?(\d+)$/);
    if (!found) continue;
    const [, major, minor, op, value] = found;
    entries.push({
      op: op ?? "",
      major: BigInt(major!),
      minor: BigInt(minor!),
      value: BigInt(value!),
    });
  }
  return entries;
}
