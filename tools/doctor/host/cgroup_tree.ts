import { dirname, join } from "node:path";
import type { HostFiles } from "./host_files.ts";
import { type MountEntry, readMounts } from "./mount_table.ts";

/** Where a host's cgroup hierarchies are mounted. */
export interface CgroupMounts {
  /** v1 controllers by name. */
  v1: Map<string, MountEntry>;
  v2?: MountEntry;
}

/** Deeper trees than this do not occur; a loop in our own reasoning must end. */
const MAX_DEPTH = 64;

/** Reads where this host mounts its cgroup hierarchies. */
export function readCgroupMounts(files: HostFiles): CgroupMounts {
  const out: CgroupMounts = { v1: new Map() };
  for (const mount of readMounts(files, "self")) {
    if (mount.type === "cgroup2") out.v2 ??= mount;
    if (mount.type !== "cgroup") continue;
    for (const option of mount.superOptions) out.v1.set(option, mount);
  }
  return out;
}

/** A process' cgroup folders as absolute paths: v1 controller name, or "" for v2. */
export function readCgroupFolders(
  files: HostFiles,
  mounts: CgroupMounts,
  pid: number,
): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of (files.read(`/proc/${pid}/cgroup`, 65536) ?? "").split("\n")) {
    const match = line.match(/^[0-9]+:([^:]*):(.*)$/);
    if (!match) continue;
    for (const name of match[1]!.split(",")) {
      const mount = name === "" ? mounts.v2 : mounts.v1.get(name);
      if (mount) out.set(name, join(mount.point, below(mount.root, match[2]!)));
    }
  }
  return out;
}

function below(root: string, path: string): string {
  return root !== "/" && path.startsWith(root) ? path.slice(root.length) : path;
}

/** The folder that counts a resource ("pids", "memory"): its own v1 hierarchy or the v2 one. */
export function controllerFolder(
  folders: Map<string, string>,
  controller: string,
): { folder: string; version: 1 | 2 } | undefined {
  const v1 = folders.get(controller);
  if (v1) return { folder: v1, version: 1 };
  const v2 = folders.get("");
  return v2 ? { folder: v2, version: 2 } : undefined;
}

/** A folder and its ancestors up to the hierarchy's top, innermost first. */
export function ancestors(mounts: CgroupMounts, folder: string): string[] {
  const tops = new Set(
    [...mounts.v1.values(), ...(mounts.v2 ? [mounts.v2] : [])].map((m) => m.point),
  );
  const out: string[] = [];
  for (let at = folder; out.length < MAX_DEPTH; at = dirname(at)) {
    out.push(at);
    if (tops.has(at) || at === "/") break;
  }
  return out;
}
