import { closeFile, O, openFile, statFile } from "#lib/linux/file.ts";
import type { CgroupJoin } from "./cgroup_join.ts";
import { type CgroupPaths, isUnified } from "./cgroup_path.ts";

/** Name of the lock file that init takes around "join and check", in the state folder. */
export const JOIN_LOCK = "join.lock";

/** Deeper than any hierarchy in use. */
const MAX_LEVELS = 128;

/**
 * The cgroup files that count processes, from the container's cgroup up. A hierarchy's root has no
 * limit, hence no file: where the files end, it is reached, and no mount table has to be read.
 */
function pidsLevels(folder: string): CgroupJoin["pidsLevels"] {
  const levels: CgroupJoin["pidsLevels"] = [];
  let at = folder;
  while (levels.length < MAX_LEVELS && statFile(`${at}/pids.max`)) {
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
export function joinTarget(paths: CgroupPaths, stateDir: string): CgroupJoin {
  const pureV2 = isUnified(paths);
  const byPath = new Map<string, string[]>();
  for (const [controller, path] of Object.entries(paths)) {
    if (controller !== "") byPath.set(path, [...(byPath.get(path) ?? []), controller]);
  }
  const pids = pureV2 ? paths[""] : paths["pids"];
  const join: CgroupJoin = {
    v1: [...byPath].map(([path, controllers]) => ({ controllers, path })),
    pureV2,
    pidsLevels: pids ? pidsLevels(pids) : [],
    lockPath: `${stateDir}/${JOIN_LOCK}`,
  };
  if (paths[""] !== undefined) join.unified = paths[""];
  return join;
}
