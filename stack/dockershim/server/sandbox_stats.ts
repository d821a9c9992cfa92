import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ListPodSandboxStatsRequest,
  ListPodSandboxStatsResponseSchema,
  PodSandboxStatsRequest,
  PodSandboxStatsResponseSchema,
  PodSandboxStatsSchema,
} from "#gen/wire/cri/proto/stats_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerSummary } from "#wire/docker-api/types/container_view.ts";
import { readLabels } from "../convert/docker_labels.ts";
import { parseName } from "../convert/docker_name.ts";
import { wallNanoseconds } from "../convert/timestamp.ts";
import type { Dockershim } from "../dockershim.ts";
import { inFrame, refuse } from "../refusals.ts";
import { memoryMessage, readListedUsage, readUsage, type Usage } from "../stats/container_usage.ts";
import { eachLimited } from "../stats/each_limited.ts";
import { containerUsages } from "./container_stats.ts";
import { labelFilters } from "./container_status.ts";
import { podMetadata } from "./sandbox_view.ts";

type PodStats = MessageInitShape<typeof PodSandboxStatsSchema>;
const DEFAULT_INTERFACE = "eth0";

/** PodSandboxStats: the pod's containers and its pause process together. */
export async function podSandboxStats(
  shim: Dockershim,
  { podSandboxId }: PodSandboxStatsRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof PodSandboxStatsResponseSchema>> {
  const op = "pod sandbox stats";
  return inFrame(op, `failed to get stats of sandbox ${podSandboxId}`, async () => {
    const { Id } = await shim.find("podsandbox", podSandboxId, context);
    const summaries = await shim.list("podsandbox", [], context);
    const summary = summaries.find((item) => item.Id === Id);
    const stats = summary && (await statsOf(shim, summary, context, readUsage));
    if (stats) return { stats };
    throw refuse("not_found", op, `sandbox with id ${Id} is gone`);
  });
}

/** ListPodSandboxStats of all that fit the filter. */
export async function listPodSandboxStats(
  shim: Dockershim,
  { filter }: ListPodSandboxStatsRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ListPodSandboxStatsResponseSchema>> {
  return inFrame("list pod sandbox stats", "failed to list stats", async () => {
    const labels = labelFilters(filter?.labelSelector);
    const summaries = await shim.list("podsandbox", labels, context);
    const wanted = summaries.filter(({ Id }) => !filter?.id || Id.startsWith(filter.id));
    const stats = await eachLimited(wanted, (summary) =>
      statsOf(shim, summary, context, readListedUsage),
    );
    return { stats: stats.flatMap((item) => item ?? []) };
  });
}

async function statsOf(
  shim: Dockershim,
  summary: ContainerSummary,
  context: CallContext,
  read: typeof readUsage,
): Promise<PodStats | undefined> {
  const frame = { attributes: {}, disk: { bytes: 0, mountpoint: "" } };
  const [pause, containers] = await Promise.all([
    read(shim, summary.Id, frame, context),
    containerUsages(shim, { podSandboxId: summary.Id }, context),
  ]);
  if (!pause) return undefined;
  const name = parseName(summary.Names[0] ?? "");
  const { labels, annotations } = readLabels(summary.Labels);
  return {
    attributes: {
      id: summary.Id,
      ...(name ? { metadata: podMetadata(name) } : {}),
      labels,
      annotations,
    },
    linux: summed(pause, containers),
  };
}

function summed(pause: Usage, containers: Usage[]): NonNullable<PodStats["linux"]> {
  const timestamp = wallNanoseconds();
  const all = [pause, ...containers];
  const sum = (of: (usage: Usage) => bigint) => all.reduce((total, usage) => total + of(usage), 0n);
  const { networks } = pause;
  const main = networks.find(({ name }) => name === DEFAULT_INTERFACE);
  return {
    cpu: {
      timestamp,
      usageCoreNanoSeconds: { value: sum(({ cpuNs }) => cpuNs) },
      usageNanoCores: { value: sum(({ cpuRate }) => cpuRate ?? 0n) },
    },
    memory: {
      timestamp,
      ...memoryMessage({
        workingSet: sum(({ memory }) => memory.workingSet),
        usage: sum(({ memory }) => memory.usage),
        rss: sum(({ memory }) => memory.rss),
        limit: 0n,
      }),
    },
    network: {
      timestamp,
      ...(main ? { defaultInterface: main } : {}),
      interfaces: networks.filter((item) => item !== main),
    },
    process: { timestamp, processCount: { value: sum(({ processes }) => processes) } },
    containers: containers.map(({ stats }) => stats),
  };
}
