import { linuxResources } from "../cgroup/linux_resources.ts";
import { oomScore, qosClass } from "../cgroup/qos_class.ts";
import type { ImageView } from "../runtime/pod_runtime.ts";
import {
  type ContainerConfig,
  type MountConfig,
  NAMESPACE,
  type SandboxConfig,
  type SecurityProfile,
} from "../runtime/runtime_config.ts";
import type { ContainerSpec, Pod, SeccompSpec } from "../spec/pod.ts";
import { containerEnv } from "./container_env.ts";
import type { DownwardScope } from "./downward_value.ts";
import { expandVariables } from "./expand_variables.ts";
import { LABEL, NOTE } from "./labels.ts";

/** What a container is made of besides its spec. */
export interface ContainerParts {
  scope: DownwardScope;
  /** How often it was started before. */
  attempt: number;
  mounts: MountConfig[];
  image: Pick<ImageView, "id" | "uid" | "username">;
  /** Supplementary groups that its volumes ask for. */
  groups: number[];
}

/** As Kubernetes' default proc mount. */
const MASKED = [
  ...["/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats"],
  ...["/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi"],
  ...["/sys/firmware", "/sys/devices/virtual/powercap"],
];
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** The CRI configuration of one container of a pod. */
export function containerConfig(container: ContainerSpec, parts: ContainerParts): ContainerConfig {
  const { scope, attempt, image } = parts;
  const { pod, node } = scope;
  const env = containerEnv(container, scope);
  const expand = (texts: string[]) => texts.map((text) => expandVariables(text, env));
  const score = oomScore(qosClass(pod.spec), container, node.memoryBytes);
  return {
    metadata: { name: container.name, attempt },
    image: { image: image.id },
    command: expand(container.command),
    args: expand(container.args),
    workingDir: container.workingDir,
    envs: [...env].map(([key, value]) => ({ key, value })),
    mounts: parts.mounts,
    labels: {
      [LABEL.container]: container.name,
      [LABEL.pod]: pod.name,
      [LABEL.namespace]: pod.namespace,
      [LABEL.uid]: pod.uid,
    },
    annotations: {
      [NOTE.hash]: container.hash,
      [NOTE.restarts]: String(attempt),
      [NOTE.messagePath]: container.terminationMessagePath,
      [NOTE.messagePolicy]: container.messageFromLogs ? "FallbackToLogsOnError" : "File",
      [NOTE.grace]: String(pod.spec.terminationGraceSeconds),
    },
    logPath: `${container.name}/${attempt}.log`,
    stdin: container.stdin,
    stdinOnce: container.stdinOnce,
    tty: container.tty,
    linux: {
      resources: linuxResources(container.resources, score),
      securityContext: securityContext(container, pod, parts),
    },
  };
}

function securityContext(
  { security }: ContainerSpec,
  pod: Pod,
  { image, groups }: ContainerParts,
): ContainerConfig["linux"]["securityContext"] {
  const user = security.runAsUser ?? pod.spec.security.runAsUser ?? image.uid;
  const group = security.runAsGroup ?? pod.spec.security.runAsGroup;
  const adds = security.addCapabilities.length + security.dropCapabilities.length > 0;
  return {
    ...(adds && {
      capabilities: {
        addCapabilities: security.addCapabilities,
        dropCapabilities: security.dropCapabilities,
      },
    }),
    privileged: security.privileged,
    namespaceOptions: namespaceOptions(pod),
    ...(user !== undefined && { runAsUser: { value: BigInt(user) } }),
    ...(group !== undefined && user !== undefined && { runAsGroup: { value: BigInt(group) } }),
    runAsUsername: user === undefined ? image.username : "",
    readonlyRootfs: security.readOnlyRoot,
    supplementalGroups: [...pod.spec.security.supplementalGroups, ...groups].map(BigInt),
    noNewPrivs: security.allowEscalation === false,
    seccomp: seccompProfile(security.seccomp ?? pod.spec.security.seccomp),
    maskedPaths: security.privileged ? [] : MASKED,
    readonlyPaths: security.privileged ? [] : READ_ONLY,
  };
}

function namespaceOptions({ spec }: Pod) {
  return {
    network: spec.hostNetwork ? NAMESPACE.node : NAMESPACE.pod,
    pid: spec.hostPid ? NAMESPACE.node : spec.shareProcesses ? NAMESPACE.pod : NAMESPACE.container,
    ipc: spec.hostIpc ? NAMESPACE.node : NAMESPACE.pod,
  };
}

/** Without a profile a pod is unconfined, as under a kubelet without SeccompDefault. */
function seccompProfile(spec: SeccompSpec | undefined): SecurityProfile {
  if (!spec || spec.type === "Unconfined") return { profileType: 1, localhostRef: "" };
  if (spec.type === "RuntimeDefault") return { profileType: 0, localhostRef: "" };
  const profile = spec.profile ?? "";
  const path = profile.startsWith("/") ? profile : `/var/lib/kubelet/seccomp/${profile}`;
  return { profileType: 2, localhostRef: path };
}

/** The CRI configuration of a pod's sandbox. */
export function sandboxConfig(
  pod: Pod,
  options: { attempt: number; cgroupParent: string; logFolder: string; hostname: string },
): SandboxConfig {
  const { spec } = pod;
  const ports = spec.containers.flatMap(({ ports }) => ports);
  const user = spec.security.runAsUser;
  const group = spec.security.runAsGroup;
  return {
    metadata: {
      name: pod.name,
      uid: pod.uid,
      namespace: pod.namespace,
      attempt: options.attempt,
    },
    // The host's network namespace has the host's name already.
    hostname: spec.hostNetwork ? "" : options.hostname,
    logDirectory: options.logFolder,
    ...(dnsOf(pod) ?? {}),
    portMappings: spec.hostNetwork ? [] : ports.map(portMapping),
    labels: {
      ...pod.labels,
      [LABEL.pod]: pod.name,
      [LABEL.namespace]: pod.namespace,
      [LABEL.uid]: pod.uid,
    },
    annotations: { ...pod.annotations, [NOTE.source]: "file" },
    linux: {
      cgroupParent: options.cgroupParent,
      sysctls: spec.security.sysctls,
      securityContext: {
        namespaceOptions: namespaceOptions(pod),
        ...(user !== undefined && { runAsUser: { value: BigInt(user) } }),
        ...(user !== undefined && group !== undefined && { runAsGroup: { value: BigInt(group) } }),
        supplementalGroups: spec.security.supplementalGroups.map(BigInt),
        privileged: spec.containers.some(({ security }) => security.privileged),
        readonlyRootfs: false,
        seccomp: seccompProfile(spec.security.seccomp ?? { type: "RuntimeDefault" }),
      },
    },
  };
}

/** Without a cluster there is no cluster DNS: but for `None` a pod resolves as the host does. */
function dnsOf({ spec }: Pod) {
  const { servers, searches, options } = spec.dns;
  const given = servers.length + searches.length + options.length > 0;
  return spec.dnsPolicy === "None" || given ? { dnsConfig: spec.dns } : undefined;
}

function portMapping(port: ContainerSpec["ports"][number]) {
  return {
    protocol: { TCP: 0, UDP: 1, SCTP: 2 }[port.protocol] as 0 | 1 | 2,
    containerPort: port.containerPort,
    hostPort: port.hostPort ?? 0,
    hostIp: port.hostIp ?? "",
  };
}
