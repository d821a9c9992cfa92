import type {
  RemovePodSandboxRequest,
  StopPodSandboxRequest,
} from "#gen/wire/cri/proto/pod_sandbox_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerInspect } from "#wire/docker-api/types/container_view.ts";
import { sandboxFilter } from "../convert/docker_labels.ts";
import type { Dockershim } from "../dockershim.ts";
import { ifPresent, inFrame } from "../refusals.ts";
import { removeDocker } from "./container_life.ts";

/** The pause process ends at SIGTERM at once; seconds until SIGKILL where it does not. */
const PAUSE_STOP_SECONDS = 10;

/** StopPodSandbox: its containers, its network, its pause process. May be asked for repeatedly. */
export async function stopPodSandbox(
  shim: Dockershim,
  { podSandboxId }: StopPodSandboxRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const words = `failed to stop sandbox ${podSandboxId}`;
  return inFrame("stop pod sandbox", words, async () => {
    const found = await ifPresent(shim.find("podsandbox", podSandboxId, context));
    if (found) await stop(shim, found, context);
    return {};
  });
}

async function stop(
  shim: Dockershim,
  sandbox: ContainerInspect,
  context: CallContext,
): Promise<void> {
  const call = shim.call(context);
  for (const { Id, State } of await containersOf(shim, sandbox.Id, context)) {
    if (State !== "running" && State !== "paused") continue;
    await ifPresent(shim.engine.containerStop(Id, { timeout: 0 }, call));
  }
  await leaveNetwork(shim, sandbox);
  if (!sandbox.State.Running) return;
  const options = { timeout: PAUSE_STOP_SECONDS };
  await ifPresent(shim.engine.containerStop(sandbox.Id, options, call));
}

async function leaveNetwork(shim: Dockershim, sandbox: ContainerInspect): Promise<void> {
  const checkpoint = shim.checkpoints.read(sandbox.Id);
  if (!checkpoint?.network) return;
  const { network, ...rest } = checkpoint;
  const { Running, Pid } = sandbox.State;
  const netns = Running ? `/proc/${Pid}/ns/net` : "";
  await shim.network.detach({ id: sandbox.Id, metadata: rest, netns }, network);
  shim.checkpoints.write(sandbox.Id, rest);
}

function containersOf(shim: Dockershim, sandboxId: string, context: CallContext) {
  return shim.list("container", [sandboxFilter(sandboxId)], context);
}

/** RemovePodSandbox: with its containers, running or not. One that is gone is removed. */
export async function removePodSandbox(
  shim: Dockershim,
  { podSandboxId }: RemovePodSandboxRequest,
  context: CallContext,
): Promise<Record<string, never>> {
  const words = `failed to remove sandbox ${podSandboxId}`;
  return inFrame("remove pod sandbox", words, async () => {
    const found = await ifPresent(shim.find("podsandbox", podSandboxId, context));
    if (!found) return {};
    await stop(shim, found, context);
    for (const { Id } of await containersOf(shim, found.Id, context)) {
      await removeDocker(shim, Id, context);
    }
    await removeDocker(shim, found.Id, context);
    shim.checkpoints.remove(found.Id);
    return {};
  });
}
