import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ContainerStatsSchema,
  NetworkInterfaceUsageSchema,
} from "#gen/wire/cri/proto/stats_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerStats, MemoryStats } from "#wire/docker-api/types/container_stats.ts";
import { nanoseconds, wallNanoseconds } from "../convert/timestamp.ts";
import type { Dockershim } from "../dockershim.ts";
import { ifPresent } from "../refusals.ts";

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

/** One sample of a container. Undefined when it is gone. One that is stopped uses nothing. */
export async function readUsage(
  shim: Dockershim,
  id: string,
  attributes: Attributes,
  disk: { bytes: number; mountpoint: string },
  context: CallContext,
): Promise<Usage | undefined> {
  const sample = await ifPresent(sampleOf(shim, id, context));
  if (!sample) return undefined;
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

async function sampleOf(
  shim: Dockershim,
  id: string,
  context: CallContext,
): Promise<ContainerStats> {
  const options = { stream: false, oneShot: true };
  const samples = await shim.engine.containerStats(id, options, shim.look(context));
  for await (const sample of samples) return sample;
  throw new RangeError(`docker sent no sample of container ${id}`);
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

function networksOf({ networks = {} }: ContainerStats): Usage["networks"] {
  return Object.entries(networks).map(([name, counters]) => ({
    name,
    rxBytes: { value: big(counters.rx_bytes) },
    rxErrors: { value: big(counters.rx_errors) },
    txBytes: { value: big(counters.tx_bytes) },
    txErrors: { value: big(counters.tx_errors) },
  }));
}
