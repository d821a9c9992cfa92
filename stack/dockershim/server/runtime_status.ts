import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  CgroupDriver,
  type RuntimeConfigResponseSchema,
  type StatusRequest,
  type StatusResponseSchema,
  type VersionResponseSchema,
} from "#gen/wire/cri/proto/runtime_pb.ts";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { SystemInfo } from "#wire/docker-api/types/system.ts";
import type { Dockershim } from "../dockershim.ts";
import { inFrame, refuse } from "../refusals.ts";

/** What a kubelet asks for and every runtime answers. */
const KUBE_API_VERSION = "0.1.0";
const RUNTIME_API_VERSION = "v1";
/** Shorter than a kubelet's patience, which would leave it without a reason. */
const ANSWER_MS = 10_000;

/** Version: Docker's name and version, as kubelets know them from dockershims. */
export async function runtimeVersion(
  shim: Dockershim,
  context: CallContext,
): Promise<MessageInitShape<typeof VersionResponseSchema>> {
  return inFrame("version", "failed to get version from docker", async () => {
    const { Version } = await shim.engine.version(shim.look(context));
    return {
      version: KUBE_API_VERSION,
      runtimeName: "docker",
      runtimeVersion: Version,
      runtimeApiVersion: RUNTIME_API_VERSION,
    };
  });
}

/** Status: whether Docker answers, and whether pods can have a network. Never fails. */
export async function runtimeStatus(
  shim: Dockershim,
  { verbose }: StatusRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof StatusResponseSchema>> {
  const network = shim.network.readiness();
  const conditions = [
    { type: "RuntimeReady", status: true, reason: "", message: "" },
    {
      type: "NetworkReady",
      status: network.ready,
      reason: network.reason,
      message: network.message,
    },
  ];
  const info: Record<string, string> = {};
  try {
    const { ServerVersion, Driver, CgroupDriver: driver } = await answerOf(shim, context);
    if (verbose) {
      const docker = { version: ServerVersion, storageDriver: Driver, cgroupDriver: driver };
      info["docker"] = JSON.stringify(docker);
      info["network"] = JSON.stringify({ choice: shim.network.choice, ...network });
      info["streaming"] = JSON.stringify({ address: shim.streaming.address });
    }
  } catch (thrown) {
    const { message } = toChainError(thrown, "dockershim", "status");
    conditions[0] = {
      type: "RuntimeReady",
      status: false,
      reason: "DockerDaemonNotReady",
      message: `docker: failed to get docker info: ${message}`,
    };
  }
  return {
    status: { conditions },
    info,
    runtimeHandlers: [{ name: "", features: {} }],
    features: { supplementalGroupsPolicy: false },
  };
}

/** Docker's account of itself. One that hangs is told from one that is slow by a limit. */
async function answerOf(shim: Dockershim, context: CallContext): Promise<SystemInfo> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  let silent = () => {};
  const limit = new Promise<never>((_, reject) => {
    silent = () =>
      reject(refuse("unavailable", "status", `docker has not answered for ${ANSWER_MS / 1000} s`));
    signal.addEventListener("abort", silent, { once: true });
  });
  try {
    return await Promise.race([shim.engine.info({ ...shim.call(context), signal }), limit]);
  } finally {
    signal.removeEventListener("abort", silent);
  }
}

/** RuntimeConfig: which cgroup driver Docker uses, so that the kubelet uses the same. */
export async function runtimeConfig(
  shim: Dockershim,
  context: CallContext,
): Promise<MessageInitShape<typeof RuntimeConfigResponseSchema>> {
  return inFrame("runtime config", "failed to get docker info", async () => {
    const { CgroupDriver: driver } = await shim.engine.info(shim.look(context));
    const cgroupDriver = driver === "systemd" ? CgroupDriver.SYSTEMD : CgroupDriver.CGROUPFS;
    return { linux: { cgroupDriver } };
  });
}
