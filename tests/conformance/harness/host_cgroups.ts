import { existsSync } from "node:fs";

const ROOT = "/sys/fs/cgroup";

/** The hierarchy that counts processes: one of its own on v1, the only one on v2. */
export const PIDS_HIERARCHY = existsSync(`${ROOT}/cgroup.controllers`) ? ROOT : `${ROOT}/pids`;

/** A case's `skip`: why this host cannot have it when it is about a v1 hierarchy. */
export function onV1(controller: string): () => string | undefined {
  return () =>
    existsSync(`${ROOT}/${controller}/cgroup.procs`)
      ? undefined
      : `no v1 hierarchy of ${controller}`;
}
