import { closeFile, O, openFile } from "#lib/linux/file.ts";
import type { CgroupJoin } from "./cgroup_join.ts";
import type { CgroupLayout } from "./cgroup_layout.ts";
import { type CgroupPaths, isUnified } from "./cgroup_path.ts";

/** Name of the lock file that init takes around "join and check", in the state folder. */
export const JOIN_LOCK = "join.lock";

/** The cgroup files that count processes, from the container's cgroup up to the hierarchy's root. */
function pidsLevels(folder: string, mount: string): CgroupJoin["pidsLevels"] {
  const levels: CgroupJoin["pidsLevels"] = [];
  // The root has no limit, hence no file.
  for (let at = folder; at.length > mount.length && at.startsWith(mount); ) {
    levels.push({ current: `${at}/pids.current`, max: `${at}/pids.max` });
    at = at.slice(0, at.lastIndexOf("/"));
  }
  return levels;
}

/** Init opens the lock file; it is made here, also for a container of another runtime. */
export function makeJoinLock(stateDir: string): void {
  closeFile(openFile(`${stateDir}/${JOIN_LOCK}`, O.RDONLY | O.CREAT | O.NOFOLLOW, 0o600));
}

/**
 * What init needs in order to charge a new process to a container. Controllers that share one mount
 * are joined once.
 */
export function joinTarget(layout: CgroupLayout, paths: CgroupPaths, stateDir: string): CgroupJoin {
  const pureV2 = isUnified(paths);
  const byPath = new Map<string, string[]>();
  for (const [controller, path] of Object.entries(paths)) {
    if (controller !== "") byPath.set(path, [...(byPath.get(path) ?? []), controller]);
  }
  const pids = pureV2 ? paths[""] : paths["pids"];
  const mount = pureV2 ? layout.unified?.path : layout.v1["pids"]?.path;
  const join: CgroupJoin = {
    v1: [...byPath].map(([path, controllers]) => ({ controllers, path })),
    pureV2,
    pidsLevels: pids && mount ? pidsLevels(pids, mount) : [],
    lockPath: `${stateDir}/${JOIN_LOCK}`,
  };
  if (paths[""] !== undefined) join.unified = paths[""];
  return join;
}
