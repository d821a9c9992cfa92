import { readText } from "#lib/linux/file.ts";

/** A cgroup file system of this host. */
export interface CgroupMount {
  folder: string;
  version: 1 | 2;
  /** Of a v1 hierarchy; empty for a named one (systemd) and for v2. */
  controllers: string[];
}

const KNOWN = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"].concat([
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "rdma",
  "misc",
]);

/** All cgroup hierarchies, read from this process's own mounts. */
export function cgroupMounts(mountinfo = readText("/proc/self/mountinfo")): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of mountinfo.split("\n")) {
    const [left, right] = line.split(" - ");
    const folder = left?.split(" ")[4];
    const [type, , options] = right?.split(" ") ?? [];
    if (folder === undefined || (type !== "cgroup" && type !== "cgroup2")) continue;
    if (mounts.some((mount) => mount.folder === folder)) continue;
    const names = type === "cgroup" ? (options ?? "").split(",") : [];
    const controllers = names.filter((name) => KNOWN.includes(name));
    mounts.push({ folder, version: type === "cgroup" ? 1 : 2, controllers });
  }
  return mounts;
}

/** The hierarchy that has a controller: v1's own, or the unified one where there is no v1. */
export function mountWith(mounts: readonly CgroupMount[], controller: string) {
  return (
    mounts.find(({ controllers }) => controllers.includes(controller)) ??
    (mounts.every(({ version }) => version === 2) ? mounts[0] : undefined)
  );
}
