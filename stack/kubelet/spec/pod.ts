import type { ActionSpec, ProbeSpec } from "./probe_spec.ts";
import type { VolumeSpec } from "./volume_spec.ts";

/** A pod as this kubelet runs it: a manifest with every default filled in. */
export interface Pod {
  /** With the node's name at its end, as static pods have it. */
  name: string;
  namespace: string;
  uid: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  spec: PodSpec;
  /** Where it came from, for messages: the path of its manifest. */
  origin: string;
  /** `spec` as the manifest has it, for /pods. */
  rawSpec: unknown;
}

export type RestartPolicy = "Always" | "OnFailure" | "Never";
export type PullPolicy = "Always" | "IfNotPresent" | "Never";

export interface PodSpec {
  /** In their order; those that are sidecars have `sidecar` set. */
  initContainers: ContainerSpec[];
  containers: ContainerSpec[];
  volumes: VolumeSpec[];
  restartPolicy: RestartPolicy;
  terminationGraceSeconds: number;
  activeDeadlineSeconds?: number;
  hostNetwork: boolean;
  hostPid: boolean;
  hostIpc: boolean;
  shareProcesses: boolean;
  hostname?: string;
  subdomain?: string;
  dnsPolicy: "ClusterFirst" | "ClusterFirstWithHostNet" | "Default" | "None";
  dns: { servers: string[]; searches: string[]; options: string[] };
  hostAliases: { ip: string; hostnames: string[] }[];
  serviceAccountName: string;
  runtimeHandler: string;
  security: PodSecurity;
}

export interface PodSecurity {
  runAsUser?: number;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  fsGroup?: number;
  supplementalGroups: number[];
  sysctls: Record<string, string>;
  seccomp?: SeccompSpec;
}

export interface SeccompSpec {
  type: "RuntimeDefault" | "Unconfined" | "Localhost";
  profile?: string;
}

export interface ContainerSecurity {
  runAsUser?: number;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  privileged: boolean;
  readOnlyRoot: boolean;
  allowEscalation?: boolean;
  addCapabilities: string[];
  dropCapabilities: string[];
  seccomp?: SeccompSpec;
}

/** Amounts in base units (cores, bytes) by resource name. */
export interface ResourceSpec {
  requests: Record<string, number>;
  limits: Record<string, number>;
}

export interface EnvSpec {
  name: string;
  value?: string;
  fieldPath?: string;
  resource?: { container?: string; resource: string; divisor: number };
}

export interface PortSpec {
  name?: string;
  containerPort: number;
  hostPort?: number;
  hostIp?: string;
  protocol: "TCP" | "UDP" | "SCTP";
}

export interface MountSpec {
  volume: string;
  path: string;
  subPath?: string;
  readOnly: boolean;
  propagation: "None" | "HostToContainer" | "Bidirectional";
}

export interface ContainerSpec {
  name: string;
  /** Another when anything of the manifest's text for this container changed. */
  hash: string;
  image: string;
  pullPolicy: PullPolicy;
  command: string[];
  args: string[];
  workingDir: string;
  env: EnvSpec[];
  ports: PortSpec[];
  resources: ResourceSpec;
  mounts: MountSpec[];
  security: ContainerSecurity;
  liveness?: ProbeSpec;
  readiness?: ProbeSpec;
  startup?: ProbeSpec;
  postStart?: ActionSpec;
  preStop?: ActionSpec;
  terminationMessagePath: string;
  messageFromLogs: boolean;
  stdin: boolean;
  stdinOnce: boolean;
  tty: boolean;
  /** An init container with restartPolicy Always. */
  sidecar: boolean;
}
