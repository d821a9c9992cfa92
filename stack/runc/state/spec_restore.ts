import { memoryPolicyOf } from "../spec/memory_policy.ts";
import type { IdMapping, Linux, NamespaceType, Spec } from "../spec/spec_types.ts";
import type { ContainerConfig, IdMapConfig } from "./container_config.ts";
import { seccompProfile } from "./seccomp_config.ts";
import { NAMESPACE_NAMES } from "./spec_config.ts";

const idMappings = (maps: IdMapConfig[] | null | undefined): IdMapping[] | undefined =>
  maps?.map(({ container_id, host_id, size }) => ({
    containerID: container_id,
    hostID: host_id,
    size,
  }));

/** libcontainer's name of a namespace to the specification's. */
export function namespaceType(name: string): NamespaceType | undefined {
  for (const [type, known] of Object.entries(NAMESPACE_NAMES)) {
    if (known === name) return type as NamespaceType;
  }
  return undefined;
}

/**
 * What `exec` needs of the spec that a container was created with, whichever runtime created it:
 * namespaces, id mappings, seccomp, labels, personality, memory policy, rootfs.
 */
export function specOfConfig(config: ContainerConfig): Spec {
  const linux: Linux = { mountLabel: config.mount_label ?? "" };
  linux.namespaces = (config.namespaces ?? []).flatMap(({ type, path }) => {
    const known = namespaceType(type);
    if (known === undefined) return [];
    return [path ? { type: known, path } : { type: known }];
  });
  const uids = idMappings(config.uid_mappings);
  const gids = idMappings(config.gid_mappings);
  if (uids) linux.uidMappings = uids;
  if (gids) linux.gidMappings = gids;
  if (config.seccomp) linux.seccomp = seccompProfile(config.seccomp);
  if (config.personality) {
    linux.personality = { domain: config.personality.domain === 8 ? "LINUX32" : "LINUX" };
  }
  const policy = config.memory_policy && memoryPolicyOf(config.memory_policy);
  if (policy) linux.memoryPolicy = policy;
  return {
    ociVersion: config.version,
    root: { path: config.rootfs, readonly: config.readonlyfs },
    linux,
  };
}
