import { ChainError } from "#lib/errors/chain_error.ts";
import { errnoOf, removeFolder, statFile } from "#lib/linux/file.ts";
import { cgroupCallError } from "./cgroup_files.ts";
import type { CgroupPaths } from "./cgroup_path.ts";
import { cgroupTree } from "./cgroup_processes.ts";

/** A cgroup stays busy until its last process was reaped: waits of 1, 2, 4 … ms, 2 s in all. */
const REMOVE_TRIES = 11;

/** Removes one cgroup with all nested in it. Returns the failure, if any; gone is no failure. */
function removeOnce(folder: string): unknown {
  try {
    removeFolder(folder);
    return undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
  }
  let failed: unknown;
  for (const nested of cgroupTree(folder).reverse()) {
    try {
      removeFolder(nested);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") failed = error;
    }
  }
  return failed;
}

/**
 * Removes a container's cgroup from every hierarchy, nested cgroups included. Rejects when a folder
 * is still there after bounded retries, with the folder and the processes that hold it.
 */
export async function removeCgroup(paths: CgroupPaths): Promise<void> {
  let left = [...new Set(Object.values(paths))];
  let failed: unknown;
  for (let attempt = 0; attempt < REMOVE_TRIES && left.length > 0; attempt++) {
    if (attempt > 0) await Bun.sleep(2 ** (attempt - 1));
    left = left.filter((folder) => {
      const error = removeOnce(folder);
      if (error !== undefined) failed = error;
      return error !== undefined && statFile(folder) !== undefined;
    });
  }
  if (left.length === 0) return;
  const cause = cgroupCallError(failed, left[0]!);
  throw new ChainError([
    {
      layer: "runc",
      op: "remove cgroup",
      code: "failed_precondition",
      message: `unable to remove cgroups ${left.join(" ")}`,
      evidence: left.map((folder) => ({ kind: "cgroup", value: "still in use", ref: folder })),
      fix: `end the processes listed in ${left[0]}/cgroup.procs, then delete again`,
    },
    ...cause.frames,
  ]);
}
