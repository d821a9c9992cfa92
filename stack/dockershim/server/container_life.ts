import type {
  RemoveContainerRequest,
  ReopenContainerLogRequest,
  StartContainerRequest,
  StopContainerRequest,
  UpdateContainerResourcesRequest,
} from "#gen/wire/cri/proto/container_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { readLabels } from "../convert/docker_labels.ts";
import { dockerResources } from "../convert/docker_resources.ts";
import type { Dockershim } from "../dockershim.ts";
import { CriLogFile } from "../logs/cri_log_file.ts";
import { ifPresent, inFrame, invalid, isNotFound, refuse } from "../refusals.ts";

/** StartContainer. Its log is carried to where the pod's logs lie from its first line on. */
export async function startContainer(
  shim: Dockershim,
  { containerId }: StartContainerRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const words = `failed to start container ${containerId}`;
  return inFrame("start container", words, async () => {
    const { Id, Config } = await shim.find("container", containerId, context);
    const { logPath } = readLabels(Config.Labels);
    // A log that cannot be written is told before anything runs.
    if (logPath !== "") new CriLogFile(logPath).close();
    await shim.engine.containerStart(Id, shim.call(context));
    shim.logs.start(Id, logPath);
    return {};
  });
}

/** StopContainer: the stop signal, SIGKILL after the time-out. One that is gone is stopped. */
export async function stopContainer(
  shim: Dockershim,
  { containerId, timeout }: StopContainerRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const words = `failed to stop container ${containerId}`;
  return inFrame("stop container", words, async () => {
    const found = await ifPresent(shim.find("container", containerId, context));
    if (!found?.State.Running) return {};
    const seconds = Math.max(Number(timeout), 0);
    await ifPresent(shim.engine.containerStop(found.Id, { timeout: seconds }, shim.call(context)));
    return {};
  });
}

/** RemoveContainer: also one that runs. One that is gone is removed. The log file stays. */
export async function removeContainer(
  shim: Dockershim,
  { containerId }: RemoveContainerRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const words = `failed to remove container ${containerId}`;
  return inFrame("remove container", words, async () => {
    const found = await ifPresent(shim.find("container", containerId, context));
    if (!found) return {};
    await removeDocker(shim, found.Id, context);
    return {};
  });
}

/** Removes a Docker container and what is known of it. One that is gone is removed. */
export async function removeDocker(
  shim: Dockershim,
  id: string,
  context: CallContext,
): Promise<void> {
  const options = { force: true, volumes: true, link: false };
  const call = shim.call(context);
  const { State } = (await ifPresent(shim.engine.containerInspect(id, false, call))) ?? {};
  if (State?.Running) await ifPresent(shim.engine.containerKill(id, "KILL", call).catch(ended));
  await shim.logs.drained(id);
  await ifPresent(shim.engine.containerRemove(id, options, call));
  await shim.logs.stop(id);
  shim.forget(id);
}

/** A container that ended between two looks needs no signal any more. */
function ended(thrown: unknown): void {
  if (!isNotFound(thrown) && !/is not running/.test(String(thrown))) throw thrown;
}

/** UpdateContainerResources: limits of a container, at once where it runs. */
export async function updateContainerResources(
  shim: Dockershim,
  { containerId, linux }: UpdateContainerResourcesRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const op = "update container resources";
  if (!linux) throw invalid(op, "no linux resources are given");
  return inFrame(op, `failed to update resources of container ${containerId}`, async () => {
    const { Id } = await shim.find("container", containerId, context);
    await shim.engine.containerUpdate(Id, dockerResources(linux), shim.call(context));
    return {};
  });
}

/** ReopenContainerLog: the kubelet has renamed the file and wants a new one. */
export async function reopenContainerLog(
  shim: Dockershim,
  { containerId }: ReopenContainerLogRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const { Id, Config, State } = await shim.find("container", containerId, context);
  const op = "reopen container log";
  if (!State.Running) {
    throw refuse("failed_precondition", op, `container ${Id} is not running`);
  }
  const { logPath } = readLabels(Config.Labels);
  if (logPath === "") throw refuse("failed_precondition", op, `container ${Id} has no log path`);
  if (!shim.logs.reopen(Id)) shim.logs.start(Id, logPath);
  return {};
}
