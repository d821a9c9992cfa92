import type { CgroupConfig, DeviceRuleConfig } from "../cgroups/cgroup_config.ts";
import type { MemoryPolicyConfig } from "../spec/memory_policy.ts";
import type { SeccompConfig } from "./seccomp_config.ts";

/**
 * `config` of state.json as libcontainer (runc 1.0 to 1.3) writes and reads it. Only what a runtime
 * needs to find in a container that another one created; names are libcontainer's.
 */
export interface ContainerConfig {
  no_pivot_root: boolean;
  parent_death_signal: number;
  rootfs: string;
  umask: number | null;
  readonlyfs: boolean;
  rootPropagation: number;
  mounts: MountConfig[] | null;
  devices: DeviceConfig[] | null;
  mount_label: string;
  hostname: string;
  domainname?: string;
  namespaces: NamespaceConfig[] | null;
  capabilities: CapabilitiesConfig | null;
  networks: object[] | null;
  routes: null;
  cgroups: CgroupConfig;
  apparmor_profile?: string;
  process_label?: string;
  oom_score_adj?: number;
  uid_mappings: IdMapConfig[] | null;
  gid_mappings: IdMapConfig[] | null;
  mask_paths: string[] | null;
  readonly_paths: string[] | null;
  sysctl: Record<string, string> | null;
  seccomp: SeccompConfig | null;
  no_new_privileges?: boolean;
  Hooks: Partial<Record<HookName, HookConfig[] | null>> | null;
  version: string;
  /** Annotations as `key=value`, and `bundle=PATH`. */
  labels: string[] | null;
  no_new_keyring: boolean;
  rootless_euid?: boolean;
  rootless_cgroups?: boolean;
  time_offsets?: Record<string, { secs?: number; nanosecs?: number }>;
  personality?: { domain: number };
  /** Since runc 1.4. */
  memory_policy?: MemoryPolicyConfig;
  netDevices?: Record<string, { name?: string }>;
}

export const HOOK_NAMES = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;

export type HookName = (typeof HOOK_NAMES)[number];

export interface HookConfig {
  path: string;
  args: string[] | null;
  env: string[] | null;
  dir: string;
  /** Nanoseconds. */
  timeout: number | null;
}

export interface MountConfig {
  source: string;
  destination: string;
  device: string;
  /** MS_… flags. */
  flags: number;
  propagation_flags: number[] | null;
  data: string;
  relabel: string;
  rec_attr: { Attr_set: number; Attr_clr: number; Propagation: number; Userns_fd: number } | null;
  extensions: number;
}

/** A device node; its rule fields are flat, as in libcontainer. */
export interface DeviceConfig extends DeviceRuleConfig {
  path: string;
  file_mode: number;
  uid: number;
  gid: number;
}

export interface NamespaceConfig {
  /** NEWPID and its like. */
  type: string;
  path: string;
}

/** libcontainer gives these no JSON names, hence the capitals. */
export interface CapabilitiesConfig {
  Bounding: string[] | null;
  Effective: string[] | null;
  Inheritable: string[] | null;
  Permitted: string[] | null;
  Ambient: string[] | null;
}

export interface IdMapConfig {
  container_id: number;
  host_id: number;
  size: number;
}
