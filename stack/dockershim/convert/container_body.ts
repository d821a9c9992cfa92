import { posix } from "node:path";
import { create } from "@bufbuild/protobuf";
import { type ContainerConfig, Signal } from "#gen/wire/cri/proto/container_config_pb.ts";
import type { PodSandboxConfig } from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import {
  type LinuxContainerSecurityContext,
  LinuxContainerSecurityContextSchema,
} from "#gen/wire/cri/proto/security_pb.ts";
import type { ContainerCreateBody, HostConfig } from "#wire/docker-api/types/container_config.ts";
import { invalid, unsupported } from "../refusals.ts";
import { dockerDevices, dockerMounts } from "./container_mounts.ts";
import { containerLabels } from "./docker_labels.ts";
import { dockerResources, possibleOomScore } from "./docker_resources.ts";
import { containerModes } from "./namespace_modes.ts";
import { securityOptions } from "./security_options.ts";
import { userOf } from "./user_name.ts";

/**
 * Docker keeps the output until the dockershim has carried it into the pod's log: enough for one
 * that is down for a while, and no more than that.
 */
const LOG_CONFIG = { Type: "json-file", Config: { "max-size": "50m", "max-file": "2" } };

export interface ContainerPlan {
  sandboxId: string;
  runtime: string;
  /** The sandbox's group of cgroups; "" for the daemon's own choice. */
  cgroupParent: string;
}

/** What Docker is asked to create for a container of a pod. */
export function containerBody(
  config: ContainerConfig,
  pod: PodSandboxConfig,
  plan: ContainerPlan,
): ContainerCreateBody {
  const context = config.linux?.securityContext ?? create(LinuxContainerSecurityContextSchema);
  if (config.CDIDevices.length > 0) {
    throw unsupported("convert devices", "CDI devices are not supported");
  }
  const logPath = logPathOf(config, pod);
  const { sandboxId } = plan;
  return {
    Image: config.image?.image ?? "",
    Labels: containerLabels(config.labels, config.annotations, { sandboxId, logPath }),
    ...(config.command.length > 0 ? { Entrypoint: config.command } : {}),
    ...(config.args.length > 0 ? { Cmd: config.args } : {}),
    ...(config.workingDir === "" ? {} : { WorkingDir: config.workingDir }),
    ...(userOf(context) === "" ? {} : { User: userOf(context) }),
    ...stopSignal(config.stopSignal),
    Env: config.envs.map(({ key, value }) => `${key}=${value}`),
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    Tty: config.tty,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...containerModes(context.namespaceOptions, sandboxId),
      ...hostSecurity(context),
      ...hostLimits(config),
      Mounts: dockerMounts(config.mounts),
      Devices: dockerDevices(config.devices),
      ...(plan.cgroupParent === "" ? {} : { CgroupParent: plan.cgroupParent }),
      ...(plan.runtime === "" ? {} : { Runtime: plan.runtime }),
      RestartPolicy: { Name: "no" },
      LogConfig: LOG_CONFIG,
    },
  };
}

function hostSecurity(context: LinuxContainerSecurityContext): Partial<HostConfig> {
  const { capabilities, privileged } = context;
  return {
    Privileged: privileged,
    ReadonlyRootfs: context.readonlyRootfs,
    GroupAdd: context.supplementalGroups.map(String),
    CapAdd: capabilities?.addCapabilities ?? [],
    CapDrop: capabilities?.dropCapabilities ?? [],
    SecurityOpt: securityOptions(context),
    // An empty list stands for Docker's own; a privileged container sees all.
    ...(!privileged && context.maskedPaths.length > 0 ? { MaskedPaths: context.maskedPaths } : {}),
    ...(!privileged && context.readonlyPaths.length > 0
      ? { ReadonlyPaths: context.readonlyPaths }
      : {}),
  };
}

function hostLimits({ linux }: ContainerConfig): Partial<HostConfig> {
  const { resources } = linux ?? {};
  if (!resources) return {};
  return {
    ...dockerResources(resources),
    OomScoreAdj: possibleOomScore(Number(resources.oomScoreAdj)),
  };
}

/** Where the log is written: below the pod's folder; "" when the kubelet wants none. */
function logPathOf({ logPath }: ContainerConfig, { logDirectory }: PodSandboxConfig): string {
  if (logPath === "" || logDirectory === "") return "";
  const path = posix.join(logDirectory, logPath);
  if (path.startsWith(`${logDirectory.replace(/\/+$/, "")}/`)) return path;
  throw invalid("convert log path", `log path ${logPath} leads out of ${logDirectory}`);
}

function stopSignal(signal: Signal): { StopSignal?: string } {
  if (signal === Signal.RUNTIME_DEFAULT) return {};
  const name = (Signal[signal] ?? "").replace(/PLUS/, "+").replace(/MINUS/, "-");
  return { StopSignal: name };
}
