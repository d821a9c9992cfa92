import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ContainerStatusRequest,
  ContainerStatusResponseSchema,
  ListContainersRequest,
  ListContainersResponseSchema,
} from "#gen/wire/cri/proto/container_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerInspect } from "#wire/docker-api/types/container_view.ts";
import { sandboxFilter } from "../convert/docker_labels.ts";
import type { Dockershim } from "../dockershim.ts";
import { ifPresent, inFrame } from "../refusals.ts";
import { containerItem, containerStatusOf } from "./container_view.ts";

/** ListContainers: all that fit the filter, newest first. */
export async function listContainers(
  shim: Dockershim,
  { filter }: ListContainersRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ListContainersResponseSchema>> {
  const labels = labelFilters(filter?.labelSelector);
  if (filter?.podSandboxId) {
    const sandbox = await ifPresent(shim.find("podsandbox", filter.podSandboxId, context));
    if (!sandbox) return {};
    labels.push(sandboxFilter(sandbox.Id));
  }
  const summaries = await shim.list("container", labels, context);
  const containers = summaries.flatMap((summary) => containerItem(summary) ?? []);
  const { id, state } = filter ?? {};
  return {
    containers: containers.filter(
      (container) =>
        (!id || container.id?.startsWith(id)) && (!state || container.state === state.state),
    ),
  };
}

/** `key=value` for each label that is selected. */
export function labelFilters(selector: Record<string, string> | undefined): string[] {
  return Object.entries(selector ?? {}).map(([key, value]) => `${key}=${value}`);
}

/** ContainerStatus. That of an exited container comes once its log is whole. */
export async function containerStatus(
  shim: Dockershim,
  { containerId, verbose }: ContainerStatusRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof ContainerStatusResponseSchema>> {
  return inFrame("container status", `failed to inspect container ${containerId}`, async () => {
    const found = await shim.ooms.completed(await shim.find("container", containerId, context));
    if (found.State.Status === "exited") await shim.logs.drained(found.Id);
    const status = containerStatusOf(found, await imageRefOf(shim, found, context));
    return verbose ? { status, info: infoOf(found) } : { status };
  });
}

/** How the container's image is known: by digest where it came from a registry, else by id. */
export async function imageRefOf(
  shim: Dockershim,
  { Image }: ContainerInspect,
  context: CallContext,
): Promise<string> {
  const image = await ifPresent(shim.engine.imageInspect(Image, shim.look(context)));
  return image?.RepoDigests?.[0] ?? Image;
}

/** What `crictl inspect` prints beside the status. */
export function infoOf(found: ContainerInspect): Record<string, string> {
  const { State, HostConfig, Config, GraphDriver, LogPath } = found;
  const facts = { pid: State.Pid, docker: { HostConfig, Config, GraphDriver, LogPath } };
  return { info: JSON.stringify(facts) };
}
