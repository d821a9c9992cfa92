import type { Slot } from "#wire/init-pipe/operation.ts";
import type { CgroupJoin } from "../cgroups/cgroup_join.ts";
import type { NamespaceType, Process, Spec } from "./spec_types.ts";

/** What a plan depends on beside the spec: read once from the host, or made up by a test. */
export interface HostFacts {
  /** Effective user id of the process that launches. */
  uid: number;
  /** Capability masks that a launched process starts with. */
  permitted: bigint;
  bounding: bigint;
  /** RLIMIT_NOFILE as our own parent had it: Bun raises its soft limit. */
  nofile?: { soft: bigint; hard: bigint };
  /** True when reading the clock needs no system call (vDSO). */
  clockWithoutSyscall: boolean;
  /** v1 hierarchies: what each is called and where it is mounted. */
  cgroupMounts: { controllers: string[]; mountpoint: string }[];
  /** True when the unified hierarchy alone is mounted. */
  pureV2: boolean;
  /**
   * Options of the unified hierarchy as the host mounted it. They are the hierarchy's, not the
   * mount's: mounting it again from the host's cgroup namespace without them takes them from all.
   */
  unifiedFlags: string[];
  /** The mount that holds the rootfs: pivot_root refuses below a shared one. */
  rootMount?: { path: string; shared: boolean };
  /** Full procfs and sysfs mounts outside the rootfs: hidden when the root is not pivoted. */
  pseudoMounts: string[];
  /** Where AppArmor's exec label is written: a file of its own on newer kernels; none without. */
  apparmorFile?: "attr/exec" | "attr/apparmor/exec";
  /** SELinux is on: without it labels are nothing to the kernel, and left out. */
  selinux: boolean;
  /** /proc/kcore exists, so /dev/core points at it. */
  kcore: boolean;
  /** We run in a user namespace ourselves: device nodes cannot be made. */
  inUserNamespace: boolean;
  /** Programs that write more of an id map than an ordinary user may; where both are there. */
  mapTools?: { uid: string; gid: string };
}

/** Descriptors that init finds open when it starts, by the number it has for them. */
export interface InitDescriptors {
  console?: number;
  namespaces: Partial<Record<NamespaceType, number>>;
  /** The container's root, for an exec into a container without a mount namespace. */
  root?: number;
}

/** A compiled seccomp filter: classic BPF as the kernel takes it. */
export interface SeccompFilter {
  filter: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* bits. */
  flags: number;
  /** The profile notifies a listener. */
  listener: boolean;
}

interface CommonInputs {
  id: string;
  spec: Spec;
  cgroup: CgroupJoin;
  facts: HostFacts;
  fds: InitDescriptors;
  /** How many descriptors from 3 on the program gets. */
  preserveFds: number;
  seccomp?: SeccompFilter;
  /** tasks file of the pids hierarchy's root: where a refused process goes (v1). */
  pidsEscape?: string;
}

export interface CreateInputs extends CommonInputs {
  /** Absolute path without symbolic links. */
  rootfs: string;
  bundle: string;
  /** Namespaces that are joined by path and are the launcher's own. */
  ownNamespaces?: ReadonlySet<NamespaceType>;
  /** Path of exec.fifo. */
  execFifo: string;
  noPivot: boolean;
  noNewKeyring: boolean;
}

export interface ExecInputs extends CommonInputs {
  process: Process;
  /** Folder in the unified hierarchy that /proc/INIT/cgroup names, when it is another. */
  initCgroup?: string;
  /** Namespaces of the container, in the order to be joined. */
  join: NamespaceType[];
  noNewKeyring: boolean;
}

/** A plan under construction. */
export interface PlanSlots {
  take(): Slot;
}
