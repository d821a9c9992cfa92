import { type ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import { containerConfig } from "../container/container_config.ts";
import type { DownwardScope } from "../container/downward_value.ts";
import { runAction } from "../probe/run_action.ts";
import type { ImageView } from "../runtime/pod_runtime.ts";
import type { SandboxConfig } from "../runtime/runtime_config.ts";
import type { ContainerSpec, Pod } from "../spec/pod.ts";
import { containerMounts } from "../volume/container_mounts.ts";
import { volumeGroups } from "../volume/pod_volumes.ts";
import type { PodContext } from "./pod_context.ts";
import type { PodEvents } from "./pod_events.ts";

/** What one start of a container needs. */
export interface StartRequest {
  spec: ContainerSpec;
  image: ImageView;
  attempt: number;
  sandboxId: string;
  sandbox: SandboxConfig;
  scope: DownwardScope;
  volumes: Map<string, string>;
}

/** Why a container could not be started, with the reason that its status shows. */
export interface StartFailure {
  reason: "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError";
  error: ChainError;
}

/** Creates and starts a container and runs its postStart hook. Returns why it failed, if it did. */
export async function startContainer(
  context: PodContext,
  events: PodEvents,
  request: StartRequest,
): Promise<StartFailure | undefined> {
  const { runtime } = context;
  const { spec, sandboxId, sandbox } = request;
  let config: ReturnType<typeof configOf>;
  try {
    config = configOf(context, request);
  } catch (thrown) {
    return failed(events, spec, "CreateContainerConfigError", thrown);
  }
  let id: string;
  try {
    id = await runtime.createContainer(sandboxId, config, sandbox);
  } catch (thrown) {
    return failed(events, spec, "CreateContainerError", thrown);
  }
  events.normal("Created", `Created container: ${spec.name}`, spec);
  try {
    await runtime.startContainer(id);
  } catch (thrown) {
    return failed(events, spec, "RunContainerError", thrown);
  }
  events.normal("Started", `Started container ${spec.name}`, spec);
  await postStart(context, events, id, request);
  return undefined;
}

function configOf(context: PodContext, request: StartRequest) {
  const { spec, image, attempt, scope, volumes } = request;
  const { pod, podIps: ips } = scope;
  checkUser(pod, spec, image);
  const { mounts } = containerMounts(spec, pod, {
    ...{ folders: context.folders, volumes, ips, attempt },
  });
  return containerConfig(spec, { scope, attempt, mounts, image, groups: volumeGroups(pod) });
}

/** runAsNonRoot promises that a container does not run as root; a name proves nothing. */
function checkUser(pod: Pod, { security }: ContainerSpec, image: ImageView): void {
  if ((security.runAsNonRoot ?? pod.spec.security.runAsNonRoot) !== true) return;
  const user = security.runAsUser ?? pod.spec.security.runAsUser ?? image.uid;
  if (user !== undefined && user > 0) return;
  const byName = user === undefined && image.username !== "" && image.username !== "root";
  throw failure({
    layer: "kubelet",
    op: "check user",
    code: "failed_precondition",
    message: byName
      ? `container has runAsNonRoot and image has non-numeric user (${image.username})`
      : "container has runAsNonRoot and image will run as root",
    fix: "give securityContext.runAsUser a number above 0",
  });
}

async function postStart(
  context: PodContext,
  events: PodEvents,
  containerId: string,
  { spec, scope }: StartRequest,
): Promise<void> {
  if (!spec.postStart) return;
  const { pod, node, podIps } = scope;
  const ip = pod.spec.hostNetwork ? node.ip : (podIps[0] ?? "");
  const target = { runtime: context.runtime, containerId, spec, ip };
  const outcome = await runAction(spec.postStart, target, pod.spec.terminationGraceSeconds || 1);
  if (outcome.result === "success") return;
  const why = outcome.result === "failure" ? outcome.output : outcome.error.message;
  events.warning("FailedPostStartHook", `PostStartHook failed: ${why}`, spec);
  events.normal("Killing", "FailedPostStartHook", spec);
  await context.runtime.stopContainer(containerId, pod.spec.terminationGraceSeconds);
}

function failed(
  events: PodEvents,
  spec: ContainerSpec,
  reason: StartFailure["reason"],
  thrown: unknown,
): StartFailure {
  const error = toChainError(thrown, "kubelet", "start container");
  events.failed("Failed", "Error", error, spec);
  return { reason, error };
}
