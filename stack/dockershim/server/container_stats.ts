import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ContainerStatsFilter,
  ContainerStatsRequest,
  ContainerStatsResponseSchema,
  ListContainerStatsRequest,
  ListContainerStatsResponseSchema,
} from "#gen/wire/cri/proto/stats_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Filters } from "#wire/docker-api/engine.ts";
import type { ContainerSummary } from "#wire/docker-api/types/container_view.ts";
import { kindFilter, readLabels, sandboxFilter } from "../convert/docker_labels.ts";
import { parseName } from "../convert/docker_name.ts";
import type { Dockershim } from "../dockershim.ts";
import { inFrame, refuse } from "../refusals.ts";
import {
  readListedUsage,
  readUsage,
  type Usage,
  type UsageFrame,
} from "../stats/container_usage.ts";
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
    const [listed] = await listFramed(shim, { id: Id }, context);
    const usage = listed && (await readUsage(shim, Id, listed.frame, context));
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

type Filter = Partial<Pick<ContainerStatsFilter, "id" | "podSandboxId" | "labelSelector">>;

/** What all containers that fit a filter use; one list tells what they wrote. */
export async function containerUsages(
  shim: Dockershim,
  filter: Filter,
  context: CallContext,
): Promise<Usage[]> {
  const listed = await listFramed(shim, filter, context);
  const usages = await eachLimited(listed, ({ id, frame }) =>
    readListedUsage(shim, id, frame, context),
  );
  return usages.flatMap((usage) => usage ?? []);
}

async function listFramed(
  shim: Dockershim,
  filter: Filter,
  context: CallContext,
): Promise<{ id: string; frame: UsageFrame }[]> {
  const label = [kindFilter("container"), ...labelFilters(filter.labelSelector)];
  if (filter.podSandboxId) label.push(sandboxFilter(filter.podSandboxId));
  const filters = { label, ...(filter.id ? { id: [filter.id] } : {}) };
  const [summaries, info] = await Promise.all([
    listSized(shim, filters, context),
    shim.engine.info(shim.look(context)),
  ]);
  const mountpoint = String(info["DockerRootDir"] ?? "/var/lib/docker");
  return summaries.map((summary) => {
    const disk = { bytes: summary.SizeRw ?? 0, mountpoint };
    return { id: summary.Id, frame: { attributes: attributesOf(summary), disk } };
  });
}

/**
 * A list with sizes. Docker fails all of it for one container whose files are being removed; then
 * each is asked for its own, which that one has none of.
 */
async function listSized(
  shim: Dockershim,
  filters: Filters,
  context: CallContext,
): Promise<ContainerSummary[]> {
  const call = shim.look(context);
  const list = (size: boolean) =>
    shim.engine.containerList({ all: true, limit: 0, size, filters }, call);
  try {
    return await list(true);
  } catch (thrown) {
    if (context.signal?.aborted) throw thrown;
  }
  return eachLimited(await list(false), async (summary) => {
    const sized = await shim.engine.containerInspect(summary.Id, true, call).catch(() => undefined);
    return { ...summary, SizeRw: sized?.SizeRw ?? 0 };
  });
}

function attributesOf({ Id, Names, Labels }: ContainerSummary) {
  const name = parseName(Names[0] ?? "");
  const { labels, annotations } = readLabels(Labels);
  const metadata = { name: name?.container ?? "", attempt: name?.attempt ?? 0 };
  return { id: Id, metadata, labels, annotations };
}
