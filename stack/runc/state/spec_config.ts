import type { CgroupConfig } from "../cgroups/cgroup_config.ts";
import { cgroupLocation } from "../cgroups/cgroup_path.ts";
import { defaultDeviceRules, resourceConfig } from "../cgroups/resource_config.ts";
import { memoryPolicyConfig } from "../spec/memory_policy.ts";
import { lookUp } from "../spec/name_table.ts";
import type { DeviceNode, Hook, IdMapping, NamespaceType, Spec } from "../spec/spec_types.ts";
import {
  type ContainerConfig,
  type DeviceConfig,
  HOOK_NAMES,
  type HookConfig,
  type IdMapConfig,
} from "./container_config.ts";
import { mountConfig, PROPAGATION } from "./mount_config.ts";
import { seccompConfig } from "./seccomp_config.ts";

/** libcontainer's names of namespaces, by the specification's. */
export const NAMESPACE_NAMES: Record<NamespaceType, string> = {
  pid: "NEWPID",
  network: "NEWNET",
  mount: "NEWNS",
  ipc: "NEWIPC",
  uts: "NEWUTS",
  user: "NEWUSER",
  cgroup: "NEWCGROUP",
  time: "NEWTIME",
};

const DEFAULT_NODES: readonly [string, number, number][] = [
  ["/dev/null", 1, 3],
  ["/dev/random", 1, 8],
  ["/dev/full", 1, 7],
  ["/dev/tty", 5, 0],
  ["/dev/zero", 1, 5],
  ["/dev/urandom", 1, 9],
];

export interface ConfigOptions {
  id: string;
  spec: Spec;
  bundle: string;
  noPivot: boolean;
  noNewKeyring: boolean;
  systemd: boolean;
  rootlessEuid: boolean;
  rootlessCgroups: boolean;
}

function deviceConfigs(nodes: readonly DeviceNode[]): DeviceConfig[] {
  const own = new Set(nodes.map(({ path }) => path));
  const character = "c".charCodeAt(0);
  const defaults = DEFAULT_NODES.filter(([path]) => !own.has(path)).map(([path, major, minor]) => ({
    type: character,
    major,
    minor,
    permissions: "rwm",
    allow: true,
    path,
    file_mode: 0o666,
    uid: 0,
    gid: 0,
  }));
  const extra = nodes.map((node) => ({
    type: (node.type === "u" ? "c" : node.type).charCodeAt(0),
    major: node.major ?? 0,
    minor: node.minor ?? 0,
    permissions: "",
    allow: false,
    path: node.path,
    file_mode: (node.fileMode ?? 0o666) & 0o777,
    uid: node.uid ?? 0,
    gid: node.gid ?? 0,
  }));
  return [...defaults, ...extra];
}

const idMaps = (mappings: IdMapping[] | undefined): IdMapConfig[] | null =>
  mappings?.map(({ containerID, hostID, size }) => ({
    container_id: containerID,
    host_id: hostID,
    size,
  })) ?? null;

const NS_PER_S = 1e9;

const hookConfig = (hook: Hook): HookConfig => ({
  path: hook.path,
  args: hook.args ?? null,
  env: hook.env ?? null,
  dir: "",
  timeout: hook.timeout === undefined ? null : hook.timeout * NS_PER_S,
});

function hookConfigs(spec: Spec): ContainerConfig["Hooks"] {
  const out: NonNullable<ContainerConfig["Hooks"]> = {};
  for (const name of HOOK_NAMES) out[name] = spec.hooks?.[name]?.map(hookConfig) ?? null;
  return out;
}

/**
 * The cgroup part alone: where the cgroup lies and what it limits. Throws a ChainError when wrong.
 */
export function cgroupConfig(options: ConfigOptions): CgroupConfig {
  const { spec, id, systemd } = options;
  const resources = resourceConfig(spec.linux?.resources ?? {});
  const own = new Set((spec.linux?.devices ?? []).map(({ path }) => path));
  resources.devices = [...(resources.devices ?? []), ...defaultDeviceRules(own)];
  const config: CgroupConfig = {
    ...cgroupLocation(spec.linux?.cgroupsPath, id, systemd),
    ...resources,
    freezer: "",
    Rootless: options.rootlessCgroups,
  };
  const owner = cgroupOwner(spec);
  if (owner !== undefined) config.owner_uid = owner;
  return config;
}

/**
 * The host user who may write the container's cgroup: its process's, when the container has a
 * cgroup and a user namespace of its own and mounts cgroups writable.
 */
function cgroupOwner(spec: Spec): number | undefined {
  const namespaces = spec.linux?.namespaces ?? [];
  if (!namespaces.some(({ type, path }) => type === "cgroup" && !path)) return undefined;
  const writable = spec.mounts?.some(
    ({ source, destination, options }) =>
      source === "cgroup" && destination === "/sys/fs/cgroup" && !options?.includes("ro"),
  );
  if (!writable || !namespaces.some(({ type }) => type === "user")) return undefined;
  const uid = spec.process?.user.uid ?? 0;
  const map = spec.linux?.uidMappings?.find(
    ({ containerID, size }) => uid >= containerID && uid < containerID + size,
  );
  return map && map.hostID + uid - map.containerID;
}

/**
 * A spec as state.json keeps it. Throws a ChainError that names what libcontainer could not keep.
 */
export function containerConfig(options: ConfigOptions): ContainerConfig {
  const { spec, bundle } = options;
  const { linux, process } = spec;
  const root = spec.root?.path ?? "";
  const caps = process?.capabilities;
  const newNetwork = linux?.namespaces?.some(({ type, path }) => type === "network" && !path);
  const config: ContainerConfig = {
    no_pivot_root: options.noPivot,
    parent_death_signal: 0,
    rootfs: root.startsWith("/") ? root : `${bundle}/${root}`,
    umask: process?.user.umask ?? null,
    readonlyfs: spec.root?.readonly ?? false,
    rootPropagation: lookUp(PROPAGATION, linux?.rootfsPropagation ?? "") ?? 0,
    mounts: spec.mounts?.map((mount) => mountConfig(mount, bundle)) ?? null,
    devices: deviceConfigs(linux?.devices ?? []),
    mount_label: linux?.mountLabel ?? "",
    hostname: spec.hostname ?? "",
    namespaces:
      linux?.namespaces?.map(({ type, path }) => ({
        type: NAMESPACE_NAMES[type],
        path: path ?? "",
      })) ?? null,
    capabilities: caps
      ? {
          Bounding: caps.bounding ?? null,
          Effective: caps.effective ?? null,
          Inheritable: caps.inheritable ?? null,
          Permitted: caps.permitted ?? null,
          Ambient: caps.ambient ?? null,
        }
      : null,
    networks: newNetwork ? [{ type: "loopback" }] : null,
    routes: null,
    cgroups: cgroupConfig(options),
    uid_mappings: idMaps(linux?.uidMappings),
    gid_mappings: idMaps(linux?.gidMappings),
    mask_paths: linux?.maskedPaths ?? null,
    readonly_paths: linux?.readonlyPaths ?? null,
    sysctl: linux?.sysctl ?? null,
    seccomp: linux?.seccomp ? seccompConfig(linux.seccomp) : null,
    Hooks: hookConfigs(spec),
    version: spec.ociVersion,
    labels: [
      ...Object.entries(spec.annotations ?? {}).map(([key, value]) => `${key}=${value}`),
      `bundle=${bundle}`,
    ],
    no_new_keyring: options.noNewKeyring,
    rootless_euid: options.rootlessEuid,
    rootless_cgroups: options.rootlessCgroups,
  };
  if (spec.domainname) config.domainname = spec.domainname;
  if (process?.apparmorProfile) config.apparmor_profile = process.apparmorProfile;
  if (process?.selinuxLabel) config.process_label = process.selinuxLabel;
  if (process?.noNewPrivileges) config.no_new_privileges = true;
  if (process?.oomScoreAdj !== undefined) config.oom_score_adj = process.oomScoreAdj;
  if (linux?.timeOffsets) config.time_offsets = linux.timeOffsets;
  if (linux?.memoryPolicy) config.memory_policy = memoryPolicyConfig(linux.memoryPolicy);
  if (linux?.netDevices) config.netDevices = linux.netDevices;
  if (linux?.personality) {
    config.personality = { domain: linux.personality.domain === "LINUX32" ? 8 : 0 };
  }
  return config;
}
