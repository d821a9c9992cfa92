import { basename } from "node:path";
import type { PodSandboxConfig } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import type {
  RunPodSandboxRequest,
  RunPodSandboxResponse,
} from "#gen/wire/cri/proto/pod_sandbox_pb.ts";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { sandboxName } from "../convert/docker_name.ts";
import { sharesHostNetwork } from "../convert/namespace_modes.ts";
import { sandboxBody } from "../convert/sandbox_body.ts";
import type { Dockershim } from "../dockershim.ts";
import { rewriteResolvConf } from "../network/resolv_conf.ts";
import { framed, invalid } from "../refusals.ts";
import type { SandboxCheckpoint } from "../state/sandbox_checkpoint.ts";
import { createNamed } from "./container_create.ts";
import { removeDocker } from "./container_life.ts";

const op = "run pod sandbox";
/** Where the image is there, it is found at once. */
const IMAGE_PULSE_MS = 10_000;

/**
 * RunPodSandbox: the pause container, its name servers, its network. What was made is removed again
 * when a later step fails.
 */
export async function runPodSandbox(
  shim: Dockershim,
  { config, runtimeHandler }: RunPodSandboxRequest,
  context: CallContext,
): Promise<Pick<RunPodSandboxResponse, "podSandboxId">> {
  if (!config?.metadata) throw invalid(op, "sandbox config is nil or has no metadata");
  const { name } = config.metadata;
  try {
    // A Docker that hangs is told at its first request: what follows is not asked for then.
    const image = await shim.pulse.beside(() => shim.pauseImageReady(context), {
      firstMs: IMAGE_PULSE_MS,
    });
    const networkMode = shim.network.dockerMode;
    const cgroupParent = await dockerCgroupParent(shim, config.linux?.cgroupParent ?? "", context);
    const plan = { image, networkMode, runtime: runtimeHandler, cgroupParent };
    const body = sandboxBody(config, plan);
    const id = await createNamed(shim, sandboxName(config.metadata), body, context);
    await bringUp(shim, id, config, runtimeHandler, context);
    return { podSandboxId: id };
  } catch (thrown) {
    throw framed(op, `failed to run sandbox for pod ${name}`, thrown);
  }
}

/**
 * A kubelet names the pod's cgroup by its whole path; Docker with the systemd driver wants the name
 * of the slice alone. With the other driver such a path is a path like any.
 */
async function dockerCgroupParent(
  shim: Dockershim,
  path: string,
  context: CallContext,
): Promise<string> {
  if (!path.endsWith(".slice")) return path;
  const { CgroupDriver: driver } = await shim.engine.info(shim.look(context));
  return driver === "systemd" ? basename(path) : path;
}

async function bringUp(
  shim: Dockershim,
  id: string,
  config: PodSandboxConfig,
  runtimeHandler: string,
  context: CallContext,
): Promise<void> {
  const { name, namespace, uid } = config.metadata!;
  const hostNetwork = sharesHostNetwork(config.linux?.securityContext?.namespaceOptions);
  const checkpoint: SandboxCheckpoint = {
    version: 1,
    name,
    namespace,
    uid,
    hostNetwork,
    runtimeHandler,
  };
  try {
    shim.checkpoints.write(id, checkpoint);
    await shim.engine.containerStart(id, shim.call(context));
    const { State, ResolvConfPath } = await shim.find("podsandbox", id, context);
    if (config.dnsConfig && ResolvConfPath !== "") {
      rewriteResolvConf(ResolvConfPath, config.dnsConfig);
    }
    if (hostNetwork) return;
    const netns = `/proc/${State.Pid}/ns/net`;
    const pod = { id, metadata: config.metadata!, netns };
    const network = await shim.network.attach(pod, config);
    if (network) shim.checkpoints.write(id, { ...checkpoint, network });
  } catch (thrown) {
    const error = toChainError(thrown, "dockershim", op);
    try {
      await removeDocker(shim, id, context);
      shim.checkpoints.remove(id);
    } catch (failed) {
      error.cleanup ??= toChainError(failed, "dockershim", "remove sandbox");
    }
    throw error;
  }
}
