import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ListPodSandboxRequest,
  ListPodSandboxResponseSchema,
  PodSandboxStatusRequest,
  PodSandboxStatusResponseSchema,
  UpdatePodSandboxResourcesRequest,
} from "#gen/wire/cri/proto/pod_sandbox_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { sandboxFilter } from "../convert/docker_labels.ts";
import { wallNanoseconds } from "../convert/timestamp.ts";
import type { Dockershim } from "../dockershim.ts";
import { ifPresent, inFrame } from "../refusals.ts";
import { imageRefOf, infoOf, labelFilters } from "./container_status.ts";
import { containerStatusOf } from "./container_view.ts";
import { sandboxItem, sandboxStatusOf } from "./sandbox_view.ts";

/** ListPodSandbox: all that fit the filter, newest first. */
export async function listPodSandbox(
  shim: Dockershim,
  { filter }: ListPodSandboxRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ListPodSandboxResponseSchema>> {
  const summaries = await shim.list("podsandbox", labelFilters(filter?.labelSelector), context);
  const items = summaries.flatMap(
    (summary) => sandboxItem(summary, shim.checkpoints.read(summary.Id)) ?? [],
  );
  const { id, state } = filter ?? {};
  return {
    items: items.filter(
      (item) => (!id || item.id?.startsWith(id)) && (!state || item.state === state.state),
    ),
  };
}

/** PodSandboxStatus, with the statuses of its containers. */
export async function podSandboxStatus(
  shim: Dockershim,
  { podSandboxId, verbose }: PodSandboxStatusRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof PodSandboxStatusResponseSchema>> {
  const words = `failed to inspect sandbox ${podSandboxId}`;
  return inFrame("pod sandbox status", words, async () => {
    const found = await shim.find("podsandbox", podSandboxId, context);
    return {
      status: sandboxStatusOf(found, shim.checkpoints.read(found.Id)),
      containersStatuses: await containerStatuses(shim, found.Id, context),
      timestamp: wallNanoseconds(),
      ...(verbose ? { info: infoOf(found) } : {}),
    };
  });
}

/** Statuses of all containers of a sandbox; those that vanish meanwhile are left out. */
export async function containerStatuses(
  shim: Dockershim,
  sandboxId: string,
  context: CallContext,
): Promise<ReturnType<typeof containerStatusOf>[]> {
  const summaries = await shim.list("container", [sandboxFilter(sandboxId)], context);
  const statuses = summaries.map(async ({ Id }) => {
    const present = await ifPresent(shim.find("container", Id, context));
    const found = present && (await shim.ooms.completed(present));
    return found && containerStatusOf(found, await imageRefOf(shim, found, context));
  });
  return (await Promise.all(statuses)).flatMap((status) => status ?? []);
}

/**
 * UpdatePodSandboxResources: the kubelet tells what it has set on the pod's cgroup, which is its
 * own. The sandbox has nothing of that to change; whether there is such a sandbox is checked.
 */
export async function updatePodSandboxResources(
  shim: Dockershim,
  { podSandboxId }: UpdatePodSandboxResourcesRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  await shim.find("podsandbox", podSandboxId, context);
  return {};
}
