import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ContainerStatsFilter,
  ContainerStatsRequest,
  ContainerStatsResponseSchema,
  ListContainerStatsRequest,
  ListContainerStatsResponseSchema,
} from "#gen/wire/cri/proto/stats_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerSummary } from "#wire/docker-api/types/container_view.ts";
import { kindFilter, readLabels, sandboxFilter } from "../convert/docker_labels.ts";
import { parseName } from "../convert/docker_name.ts";
import type { Dockershim } from "../dockershim.ts";
import { inFrame, refuse } from "../refusals.ts";
import { readUsage, type Usage } from "../stats/container_usage.ts";
import { eachLimited } from "../stats/each_limited.ts";
import { labelFilters } from "./container_status.ts";

/** ContainerStats of one container. */
export async function containerStats(
  shim: Dockershim,
  { containerId }: ContainerStatsRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ContainerStatsResponseSchema>> {
  const op = "container stats";
  return inFrame(op, `failed to get stats of container ${containerId}`, async () => {
    const { Id } = await shim.find("container", containerId, context);
    const [usage] = await containerUsages(shim, { id: Id }, context);
    if (usage) return { stats: usage.stats };
    throw refuse("not_found", op, `container with id ${Id} is gone`);
  });
}

/** ListContainerStats of all that fit the filter, running or not. */
export async function listContainerStats(
  shim: Dockershim,
  { filter }: ListContainerStatsRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ListContainerStatsResponseSchema>> {
  return inFrame("list container stats", "failed to list stats", async () => {
    const usages = await containerUsages(shim, filter ?? {}, context);
    return { stats: usages.map(({ stats }) => stats) };
  });
}

/** Samples of all containers that fit a filter; one list tells what they wrote. */
export async function containerUsages(
  shim: Dockershim,
  filter: Partial<Pick<ContainerStatsFilter, "id" | "podSandboxId" | "labelSelector">>,
  context: CallContext,
): Promise<Usage[]> {
  const label = [kindFilter("container"), ...labelFilters(filter.labelSelector)];
  if (filter.podSandboxId) label.push(sandboxFilter(filter.podSandboxId));
  const filters = { label, ...(filter.id ? { id: [filter.id] } : {}) };
  const call = shim.look(context);
  const [summaries, info] = await Promise.all([
    shim.engine.containerList({ all: true, limit: 0, size: true, filters }, call),
    shim.engine.info(call),
  ]);
  const mountpoint = String(info["DockerRootDir"] ?? "/var/lib/docker");
  const usages = await eachLimited(summaries, (summary) => {
    const disk = { bytes: summary.SizeRw ?? 0, mountpoint };
    return readUsage(shim, summary.Id, attributesOf(summary), disk, context);
  });
  return usages.flatMap((usage) => usage ?? []);
}

function attributesOf({ Id, Names, Labels }: ContainerSummary) {
  const name = parseName(Names[0] ?? "");
  const { labels, annotations } = readLabels(Labels);
  const metadata = { name: name?.container ?? "", attempt: name?.attempt ?? 0 };
  return { id: Id, metadata, labels, annotations };
}
