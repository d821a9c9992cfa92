import type { DeviceNode, IntelRdt, LinuxResources, NetDevice } from "./spec_resources.ts";
import type { Seccomp } from "./spec_seccomp.ts";

/**
 * `config.json` of a bundle as the OCI runtime specification 1.2 defines it, for Linux. Every
 * field that the specification calls optional is optional here. Validation is not done by types:
 * what is read from a file has this shape only after it was validated.
 */
export interface Spec {
  ociVersion: string;
  process?: Process;
  root?: Root;
  hostname?: string;
  domainname?: string;
  mounts?: Mount[];
  hooks?: Hooks;
  annotations?: Record<string, string>;
  linux?: Linux;
}

export interface Root {
  /** Absolute, or relative to the bundle. */
  path: string;
  readonly?: boolean;
}

/** The program of a container, or the one that `exec` adds. */
export interface Process {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user: User;
  args?: string[];
  /** Windows only; kept so that a foreign spec passes through unchanged. */
  commandLine?: string;
  env?: string[];
  cwd: string;
  capabilities?: Capabilities;
  rlimits?: Rlimit[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  oomScoreAdj?: number;
  scheduler?: Scheduler;
  selinuxLabel?: string;
  ioPriority?: IoPriority;
  /** `execCPUAffinity` of 1.2.1: CPU lists before and after the cgroup is entered. */
  execCPUAffinity?: { initial?: string; final?: string };
}

export interface User {
  uid: number;
  gid: number;
  umask?: number;
  additionalGids?: number[];
  username?: string;
}

/** Five sets of names such as CAP_CHOWN. */
export interface Capabilities {
  bounding?: string[];
  effective?: string[];
  inheritable?: string[];
  permitted?: string[];
  ambient?: string[];
}

export interface Rlimit {
  /** RLIMIT_NOFILE and its like. */
  type: string;
  /** 2^64-1 (unlimited) does not fit a number: readers of JSON see it rounded to 2^64. */
  hard: number;
  soft: number;
}

export type SchedulerPolicy =
  | "SCHED_OTHER"
  | "SCHED_FIFO"
  | "SCHED_RR"
  | "SCHED_BATCH"
  | "SCHED_ISO"
  | "SCHED_IDLE"
  | "SCHED_DEADLINE";

export interface Scheduler {
  policy: SchedulerPolicy;
  nice?: number;
  priority?: number;
  /** SCHED_FLAG_RESET_ON_FORK and its like. */
  flags?: string[];
  /** Nanoseconds; SCHED_DEADLINE only. */
  runtime?: number;
  deadline?: number;
  period?: number;
}

export interface IoPriority {
  class: "IOPRIO_CLASS_RT" | "IOPRIO_CLASS_BE" | "IOPRIO_CLASS_IDLE";
  priority: number;
}

export interface Mount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  /** Id-mapped mounts; both or none. */
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface Hook {
  path: string;
  args?: string[];
  env?: string[];
  /** Seconds. */
  timeout?: number;
}

export interface Hooks {
  /** Deprecated, still used: after the namespaces exist, in the runtime's namespaces. */
  prestart?: Hook[];
  /** Like prestart, before pivot_root, in the runtime's namespaces. */
  createRuntime?: Hook[];
  /** Before pivot_root, in the container's namespaces. */
  createContainer?: Hook[];
  /** After `start`, before the program, in the container's namespaces. */
  startContainer?: Hook[];
  /** After the program started, in the runtime's namespaces. */
  poststart?: Hook[];
  /** After the container was deleted, in the runtime's namespaces. */
  poststop?: Hook[];
}

export type NamespaceType =
  | "pid"
  | "network"
  | "mount"
  | "ipc"
  | "uts"
  | "user"
  | "cgroup"
  | "time";

export interface Namespace {
  type: NamespaceType;
  /** When set, joined instead of created. */
  path?: string;
}

export interface Linux {
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  sysctl?: Record<string, string>;
  resources?: LinuxResources;
  cgroupsPath?: string;
  namespaces?: Namespace[];
  devices?: DeviceNode[];
  /** 1.2.2: network devices moved into the container, by their name on the host. */
  netDevices?: Record<string, NetDevice>;
  seccomp?: Seccomp;
  /** private, shared, slave or unbindable, each also as r…. */
  rootfsPropagation?: string;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  mountLabel?: string;
  intelRdt?: IntelRdt;
  memoryPolicy?: { mode: string; nodes?: string; flags?: string[] };
  personality?: { domain: "LINUX" | "LINUX32"; flags?: string[] };
  /** Offsets in the container's time namespace, by clock. */
  timeOffsets?: Partial<Record<"monotonic" | "boottime", { secs?: number; nanosecs?: number }>>;
}

export type {
  DeviceNode,
  DeviceRule,
  IntelRdt,
  LinuxResources,
  NetDevice,
} from "./spec_resources.ts";
export type { Seccomp, SeccompArgument, SeccompRule } from "./spec_seccomp.ts";
