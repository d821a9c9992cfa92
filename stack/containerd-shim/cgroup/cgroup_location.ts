import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where a process is charged: a folder for each v1 controller, or the unified one. */
export interface CgroupLocation {
  /** By controller: "memory" → /sys/fs/cgroup/memory/…. Empty on pure v2. */
  v1: Record<string, string>;
  /** The folder in the unified hierarchy, when it has controllers of its own. */
  unified?: string;
}

/**
 * Finds the cgroups of a process from /proc. Undefined when it has gone. `proc` and `mountinfo` are
 * the texts of /proc/PID/cgroup and /proc/self/mountinfo.
 */
export function parseCgroupLocation(proc: string, mountinfo: string): CgroupLocation {
  const mounts = cgroupMounts(mountinfo);
  const location: CgroupLocation = { v1: {} };
  for (const line of proc.split("\n")) {
    const [number, controllers, ...rest] = line.split(":");
    const path = rest.join(":");
    if (number === undefined || controllers === undefined || path === "") continue;
    if (number === "0" && controllers === "") {
      const mount = mounts.get("");
      if (mount) location.unified = join(mount, path);
      continue;
    }
    for (const controller of controllers.split(",")) {
      const mount = mounts.get(controller);
      if (mount) location.v1[controller] = join(mount, path);
    }
  }
  return location;
}

/** The cgroups of `pid`; undefined when there is no such process. */
export function locateCgroup(pid: number): CgroupLocation | undefined {
  try {
    const proc = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    return parseCgroupLocation(proc, readFileSync("/proc/self/mountinfo", "utf8"));
  } catch {
    return undefined;
  }
}

/** Mount points by v1 controller; the unified hierarchy's under "". */
function cgroupMounts(mountinfo: string): Map<string, string> {
  const mounts = new Map<string, string>();
  for (const line of mountinfo.split("\n")) {
    const [left, right] = line.split(" - ");
    const point = left?.split(" ")[4];
    const [type, , options] = right?.split(" ") ?? [];
    if (point === undefined) continue;
    if (type === "cgroup2" && !mounts.has("")) mounts.set("", point);
    if (type !== "cgroup") continue;
    for (const option of options?.split(",") ?? []) {
      if (!mounts.has(option)) mounts.set(option, point);
    }
  }
  return mounts;
}

/** True when the limits and counters are on the unified hierarchy. */
export function isUnified(location: CgroupLocation): boolean {
  return location.unified !== undefined && Object.keys(location.v1).length === 0;
}
