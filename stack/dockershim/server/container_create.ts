import { randomBytes } from "node:crypto";
import type {
  CreateContainerRequest,
  CreateContainerResponse,
} from "#gen/wire/cri/proto/container_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerCreateBody } from "#wire/docker-api/types/container_config.ts";
import { containerBody } from "../convert/container_body.ts";
import { containerName } from "../convert/docker_name.ts";
import type { Dockershim } from "../dockershim.ts";
import { framed, invalid, refuse } from "../refusals.ts";

const op = "create container";

/** CreateContainer: a container of a pod whose sandbox runs. Nothing is started. */
export async function createContainer(
  shim: Dockershim,
  request: CreateContainerRequest,
  context: CallContext,
): Promise<Pick<CreateContainerResponse, "containerId">> {
  const { config, sandboxConfig } = request;
  if (!config?.metadata) throw invalid(op, "container config is nil or has no metadata");
  if (!sandboxConfig?.metadata) throw invalid(op, "sandbox config is nil or has no metadata");
  const sandbox = await shim.find("podsandbox", request.podSandboxId, context);
  if (!sandbox.State.Running) {
    throw refuse("failed_precondition", op, `sandbox container ${sandbox.Id} is not running`);
  }
  const name = containerName(sandboxConfig.metadata, config.metadata);
  try {
    const body = containerBody(config, sandboxConfig, {
      sandboxId: sandbox.Id,
      runtime: shim.checkpoints.read(sandbox.Id)?.runtimeHandler ?? "",
      cgroupParent: sandbox.HostConfig.CgroupParent ?? "",
    });
    return { containerId: await createNamed(shim, name, body, context) };
  } catch (thrown) {
    throw framed(op, `failed to create container ${name}`, thrown);
  }
}

/**
 * Creates a Docker container. A name that an earlier try left behind goes to a container that must
 * not be taken for ours: that one is removed where it was never started, else ours gets a suffix.
 */
export async function createNamed(
  shim: Dockershim,
  name: string,
  body: ContainerCreateBody,
  context: CallContext,
): Promise<string> {
  const { engine } = shim;
  const call = shim.call(context);
  const request = { name, platform: "", body };
  try {
    return (await engine.containerCreate(request, call)).Id;
  } catch (thrown) {
    if (!isNameTaken(thrown)) throw thrown;
  }
  const holder = await engine.containerInspect(name, false, call).catch(() => undefined);
  if (holder?.State.Status === "created" || holder?.State.Status === "dead") {
    await engine.containerRemove(holder.Id, { force: true, volumes: true, link: false }, call);
    return (await engine.containerCreate(request, call)).Id;
  }
  const suffixed = `${name}_${randomBytes(4).toString("hex")}`;
  return (await engine.containerCreate({ ...request, name: suffixed }, call)).Id;
}

function isNameTaken(thrown: unknown): boolean {
  return thrown instanceof ChainError && /is already in use by container/.test(thrown.words);
}
