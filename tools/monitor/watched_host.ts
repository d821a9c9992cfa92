import type { CgroupMounts } from "#tools/doctor/host/cgroup_tree.ts";
import type { HostFiles } from "#tools/doctor/host/host_files.ts";
import type { QuickFiles } from "./quick_files.ts";
import type { CounterFolders } from "./sample.ts";

/** The host that is looked at. */
export interface WatchedHost {
  files: HostFiles;
  quick: QuickFiles;
  mounts: CgroupMounts;
}

/** The folders at which the way up a hierarchy ends. */
export function hierarchyTops(mounts: CgroupMounts): Set<string> {
  return new Set([...mounts.v1.values(), ...(mounts.v2 ? [mounts.v2] : [])].map((m) => m.point));
}

/** A cgroup's path below its hierarchy's top. */
export function keyOf(mounts: CgroupMounts, folders: CounterFolders): string {
  const top = (folders.version === 1 ? mounts.v1.get("pids") : mounts.v2)?.point ?? "";
  return folders.pids!.slice(top.length);
}

/** On v2 one folder counts everything. */
export function unifiedCounters(folder: string): CounterFolders {
  return { version: 2, pids: folder, memory: folder, cpu: folder, quota: folder };
}
