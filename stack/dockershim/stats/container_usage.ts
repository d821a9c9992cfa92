import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ContainerStatsSchema,
  NetworkInterfaceUsageSchema,
} from "#gen/wire/cri/proto/stats_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerStats, MemoryStats } from "#wire/docker-api/types/container_stats.ts";
import { nanoseconds, wallNanoseconds } from "../convert/timestamp.ts";
import type { Dockershim } from "../dockershim.ts";
import { sampleContainer } from "./container_sample.ts";

type CriStats = MessageInitShape<typeof ContainerStatsSchema>;
type Attributes = NonNullable<CriStats["attributes"]>;

/** What one container uses: as the CRI tells it, and what only a pod's sums need. */
export interface Usage {
  stats: CriStats;
  cpuNs: bigint;
  cpuRate: bigint | undefined;
  memory: { workingSet: bigint; usage: bigint; rss: bigint; limit: bigint };
  processes: bigint;
  networks: MessageInitShape<typeof NetworkInterfaceUsageSchema>[];
}

/** What a container's use is told with. */
export interface UsageFrame {
  attributes: Attributes;
  /** Bytes that the container wrote, and the file system that holds them. */
  disk: { bytes: number; mountpoint: string };
}

/** The sample of one that does not run: it uses nothing. */
const STOPPED: Pick<ContainerStats, "read" | "cpu_stats" | "memory_stats" | "pids_stats"> = {
  read: "",
  cpu_stats: {
    cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  },
  memory_stats: {},
  pids_stats: {},
};

/**
 * What a container uses now. Undefined when it is gone; one that is stopped uses nothing. Throws
 * what Docker said where one runs that cannot be sampled.
 */
export async function readUsage(
  shim: Dockershim,
  id: string,
  frame: UsageFrame,
  context: CallContext,
): Promise<Usage | undefined> {
  const sampled = await sampleContainer(shim, id, context);
  if (sampled.is === "failed") throw sampled.error;
  if (sampled.is === "gone") return undefined;
  return usageOf(shim, id, frame, sampled.is === "sampled" ? sampled.sample : STOPPED);
}

/**
 * The same in a list, which does not fail for one of its containers: what cannot be sampled is left
 * out and logged, once until it can be again.
 */
export async function readListedUsage(
  shim: Dockershim,
  id: string,
  frame: UsageFrame,
  context: CallContext,
): Promise<Usage | undefined> {
  const sampled = await sampleContainer(shim, id, context);
  if (sampled.is === "gone") return undefined;
  if (sampled.is !== "failed") {
    return usageOf(shim, id, frame, sampled.is === "sampled" ? sampled.sample : STOPPED);
  }
  if (shim.samples.startsToFail(id)) {
    shim.log.warn("a running container has no stats", { container: id, error: sampled.error });
  }
  return undefined;
}

function usageOf(
  shim: Dockershim,
  id: string,
  { attributes, disk }: UsageFrame,
  sample: typeof STOPPED & Pick<ContainerStats, "networks">,
): Usage {
  const timestamp = nanoseconds(sample.read) || wallNanoseconds();
  const cpuNs = BigInt(Math.trunc(sample.cpu_stats.cpu_usage.total_usage));
  const cpuRate = shim.samples.rate(id, timestamp, cpuNs);
  const memory = memoryOf(sample.memory_stats);
  const value = (number: bigint) => ({ value: number });
  const stats: CriStats = {
    attributes,
    cpu: {
      timestamp,
      usageCoreNanoSeconds: value(cpuNs),
      ...(cpuRate === undefined ? {} : { usageNanoCores: value(cpuRate) }),
    },
    memory: { timestamp, ...memoryMessage(memory, sample.memory_stats.stats) },
    writableLayer: {
      timestamp,
      fsId: { mountpoint: disk.mountpoint },
      usedBytes: value(BigInt(disk.bytes)),
    },
  };
  return {
    stats,
    cpuNs,
    cpuRate,
    memory,
    processes: BigInt(sample.pids_stats.current ?? 0),
    networks: networksOf(sample),
  };
}

const big = (number: number | undefined) => BigInt(Math.trunc(number ?? 0));
/** "No limit" is a huge number in cgroup v1. */
const UNLIMITED = 2 ** 60;

function memoryOf({ usage, limit, stats = {} }: MemoryStats): Usage["memory"] {
  // v1 and v2 name them differently; what the kernel can drop at once is no part of the set.
  const inactive = stats["total_inactive_file"] ?? stats["inactive_file"] ?? 0;
  const used = usage ?? 0;
  return {
    usage: big(used),
    workingSet: big(Math.max(used - inactive, 0)),
    rss: big(stats["total_rss"] ?? stats["rss"] ?? stats["anon"]),
    limit: limit !== undefined && limit < UNLIMITED ? big(limit) : 0n,
  };
}

/** The message of a container's or pod's memory; `stats` are the kernel's counters, if known. */
export function memoryMessage(
  { workingSet, usage, rss, limit }: Usage["memory"],
  stats: Record<string, number> = {},
) {
  const value = (number: bigint) => ({ value: number });
  return {
    workingSetBytes: value(workingSet),
    usageBytes: value(usage),
    rssBytes: value(rss),
    availableBytes: value(limit > workingSet ? limit - workingSet : 0n),
    pageFaults: value(big(stats["total_pgfault"] ?? stats["pgfault"])),
    majorPageFaults: value(big(stats["total_pgmajfault"] ?? stats["pgmajfault"])),
  };
}

function networksOf({ networks = {} }: Pick<ContainerStats, "networks">): Usage["networks"] {
  return Object.entries(networks).map(([name, counters]) => ({
    name,
    rxBytes: { value: big(counters.rx_bytes) },
    rxErrors: { value: big(counters.rx_errors) },
    txBytes: { value: big(counters.tx_bytes) },
    txErrors: { value: big(counters.tx_errors) },
  }));
}
