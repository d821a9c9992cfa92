import { create } from "@bufbuild/protobuf";
import {
  type PodSandboxConfig,
  type PortMapping,
  Protocol,
} from "#gen/wire/cri/proto/pod_sandbox_config_pb.ts";
import {
  type LinuxSandboxSecurityContext,
  LinuxSandboxSecurityContextSchema,
} from "#gen/wire/cri/proto/security_pb.ts";
import type {
  ContainerCreateBody,
  HostConfig,
  PortMap,
} from "#wire/docker-api/types/container_config.ts";
import { sandboxLabels } from "./docker_labels.ts";
import { possibleOomScore } from "./docker_resources.ts";
import { sandboxModes, sharesHostNetwork } from "./namespace_modes.ts";
import { securityOptions } from "./security_options.ts";
import { userOf } from "./user_name.ts";

/** Ends last when memory runs out: without it all of the pod would have to be made again. */
const OOM_SCORE = -998;
/** The least share of CPU: it sleeps. */
const CPU_SHARES = 2;

export interface SandboxPlan {
  image: string;
  /** Docker's network mode of pods that have their own network. */
  networkMode: string;
  runtime: string;
  /** Docker's cgroup parent; "" for the daemon's own choice. */
  cgroupParent: string;
}

/** The pause container that holds a pod's namespaces. */
export function sandboxBody(config: PodSandboxConfig, plan: SandboxPlan): ContainerCreateBody {
  const { linux } = config;
  const context = linux?.securityContext ?? create(LinuxSandboxSecurityContextSchema);
  const hostNetwork = sharesHostNetwork(context.namespaceOptions);
  return {
    Image: plan.image,
    Labels: sandboxLabels(config.labels, config.annotations),
    ...(hostNetwork ? {} : { Hostname: config.hostname }),
    ...(userOf(context) === "" ? {} : { User: userOf(context) }),
    HostConfig: {
      ...sandboxModes(context.namespaceOptions, plan.networkMode),
      ...hostSecurity(context),
      ...(plan.cgroupParent === "" ? {} : { CgroupParent: plan.cgroupParent }),
      ...(plan.runtime === "" ? {} : { Runtime: plan.runtime }),
      ...(Object.keys(linux?.sysctls ?? {}).length > 0 ? { Sysctls: linux!.sysctls } : {}),
      ...(plan.networkMode === "default" && !hostNetwork ? published(config.portMappings) : {}),
      CpuShares: CPU_SHARES,
      OomScoreAdj: possibleOomScore(OOM_SCORE),
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    },
    Healthcheck: { Test: ["NONE"] },
  };
}

function hostSecurity(context: LinuxSandboxSecurityContext): Partial<HostConfig> {
  return {
    Privileged: context.privileged,
    ReadonlyRootfs: context.readonlyRootfs,
    GroupAdd: context.supplementalGroups.map(String),
    SecurityOpt: securityOptions(context),
  };
}

/** Ports that Docker's own bridge is to publish. */
function published(mappings: PortMapping[]): Pick<HostConfig, "PortBindings"> {
  const bindings: PortMap = {};
  for (const { protocol, containerPort, hostPort, hostIp } of mappings) {
    if (hostPort <= 0) continue;
    const key = `${containerPort}/${(Protocol[protocol] ?? "TCP").toLowerCase()}`;
    bindings[key] = [...(bindings[key] ?? []), { HostIp: hostIp, HostPort: String(hostPort) }];
  }
  return Object.keys(bindings).length > 0 ? { PortBindings: bindings } : {};
}
