import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MetricsSchema } from "#gen/wire/task-ttrpc/proto/metrics_v2_pb.ts";
import {
  hugePageSizes,
  parseCounter,
  readCounter,
  readCounterFile,
  readNamed,
  readRdma,
} from "./counter_files.ts";

type Metrics = MessageInitShape<typeof MetricsSchema>;

/** A container's counters on cgroup v2 as io.containerd.cgroups.v2.Metrics. */
export function readMetricsV2(folder: string): Metrics {
  const events = readNamed(folder, "memory.events");
  return {
    pids: {
      current: readCounter(folder, "pids.current"),
      limit: readCounter(folder, "pids.max"),
    },
    cpu: readCpu(folder),
    memory: readMemory(folder),
    memoryEvents: {
      low: events("low"),
      high: events("high"),
      max: events("max"),
      oom: events("oom"),
      oomKill: events("oom_kill"),
      oomGroupKill: events("oom_group_kill"),
    },
    rdma: { current: readRdma(folder, "rdma.current"), limit: readRdma(folder, "rdma.max") },
    io: { usage: parseIoStat(readCounterFile(folder, "io.stat") ?? ""), ...psi(folder, "io") },
    hugetlb: hugePageSizes(folder).map((pagesize) => ({
      pagesize,
      current: readCounter(folder, `hugetlb.${pagesize}.current`),
      max: readCounter(folder, `hugetlb.${pagesize}.max`),
      failcnt: readNamed(folder, `hugetlb.${pagesize}.events`)("max"),
    })),
  };
}

function readCpu(folder: string): NonNullable<Metrics["cpu"]> {
  const stat = readNamed(folder, "cpu.stat");
  return {
    usageUsec: stat("usage_usec"),
    userUsec: stat("user_usec"),
    systemUsec: stat("system_usec"),
    nrPeriods: stat("nr_periods"),
    nrThrottled: stat("nr_throttled"),
    throttledUsec: stat("throttled_usec"),
    nrBursts: stat("nr_bursts"),
    burstUsec: stat("burst_usec"),
    ...psi(folder, "cpu"),
  };
}

function readMemory(folder: string): NonNullable<Metrics["memory"]> {
  const stat = readNamed(folder, "memory.stat");
  return {
    anon: stat("anon"),
    file: stat("file"),
    kernelStack: stat("kernel_stack"),
    slab: stat("slab"),
    sock: stat("sock"),
    shmem: stat("shmem"),
    fileMapped: stat("file_mapped"),
    fileDirty: stat("file_dirty"),
    fileWriteback: stat("file_writeback"),
    anonThp: stat("anon_thp"),
    inactiveAnon: stat("inactive_anon"),
    activeAnon: stat("active_anon"),
    inactiveFile: stat("inactive_file"),
    activeFile: stat("active_file"),
    unevictable: stat("unevictable"),
    slabReclaimable: stat("slab_reclaimable"),
    slabUnreclaimable: stat("slab_unreclaimable"),
    pgfault: stat("pgfault"),
    pgmajfault: stat("pgmajfault"),
    workingsetRefault: stat("workingset_refault"),
    workingsetActivate: stat("workingset_activate"),
    workingsetNodereclaim: stat("workingset_nodereclaim"),
    pgrefill: stat("pgrefill"),
    pgscan: stat("pgscan"),
    pgsteal: stat("pgsteal"),
    pgactivate: stat("pgactivate"),
    pgdeactivate: stat("pgdeactivate"),
    pglazyfree: stat("pglazyfree"),
    pglazyfreed: stat("pglazyfreed"),
    thpFaultAlloc: stat("thp_fault_alloc"),
    thpCollapseAlloc: stat("thp_collapse_alloc"),
    usage: readCounter(folder, "memory.current"),
    usageLimit: readCounter(folder, "memory.max"),
    maxUsage: readCounter(folder, "memory.peak"),
    swapUsage: readCounter(folder, "memory.swap.current"),
    swapLimit: readCounter(folder, "memory.swap.max"),
    swapMaxUsage: readCounter(folder, "memory.swap.peak"),
    ...psi(folder, "memory"),
  };
}

/** Lines "MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N …". */
export function parseIoStat(text: string) {
  const entries = [];
  for (const line of text.split("\n")) {
    const [device, ...fields] = line.split(" ");
    const numbers = device?.match(/^(\d+):(\d+)$/);
    if (!numbers) continue;
    const values = new Map(fields.map((field) => field.split("=") as [string, string]));
    const of = (key: string) => parseCounter(values.get(key));
    entries.push({
      major: BigInt(numbers[1]!),
      minor: BigInt(numbers[2]!),
      rbytes: of("rbytes"),
      wbytes: of("wbytes"),
      rios: of("rios"),
      wios: of("wios"),
    });
  }
  return entries;
}

/** Pressure of one resource, where the kernel counts it: lines "some avg10=… total=…". */
function psi(folder: string, resource: string) {
  const text = readCounterFile(folder, `${resource}.pressure`);
  if (text === undefined) return {};
  const line = (kind: string) => {
    const found = text.match(
      new RegExp(`^${kind} avg10=([\\d.]+) avg60=([\\d.]+) avg300=([\\d.]+) total=(\\d+)`, "m"),
    );
    if (!found) return {};
    const [, avg10, avg60, avg300, total] = found;
    return {
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
      total: BigInt(total!),
    };
  };
  return { psi: { some: line("some"), full: line("full") } };
}
