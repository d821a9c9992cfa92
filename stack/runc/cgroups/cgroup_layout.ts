import { readText } from "#lib/linux/file.ts";
import { unescapeMount } from "#lib/linux/mount_text.ts";

/** Which cgroup hierarchies this host mounts, and where. */
export interface CgroupLayout {
  /** v1: mount of each controller ("cpu", …, "name=systemd"). Empty on pure v2. */
  v1: Record<string, CgroupMount>;
  /** The unified (v2) hierarchy: alone on pure v2, beside v1's on a hybrid host. */
  unified?: CgroupMount;
  pureV2: boolean;
}

export interface CgroupMount {
  path: string;
  /** The hierarchy's folder that is mounted there: "/" but inside a container. */
  root: string;
}

/** v1 controllers that a container joins, in the order that runc creates them. */
export const V1_CONTROLLERS = [
  "cpuset",
  "devices",
  "memory",
  "cpu",
  "cpuacct",
  "pids",
  "blkio",
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "freezer",
  "rdma",
  "misc",
  "name=systemd",
] as const;

/**
 * Reads the layout from the text of a /proc/PID/mountinfo. The first mount of a hierarchy counts.
 */
export function parseCgroupLayout(mountinfo: string): CgroupLayout {
  const layout: CgroupLayout = { v1: {}, pureV2: false };
  for (const line of mountinfo.split("\n")) {
    const split = line.indexOf(" - cgroup");
    if (split < 0) continue;
    const before = line.slice(0, split).split(" ");
    const after = line.slice(split + 3).split(" ");
    const mount: CgroupMount = { root: unescapeMount(before[3]!), path: unescapeMount(before[4]!) };
    if (after[0] === "cgroup2") layout.unified ??= mount;
    else if (after[0] === "cgroup") {
      for (const option of (after[2] ?? "").split(",")) {
        if ((V1_CONTROLLERS as readonly string[]).includes(option)) layout.v1[option] ??= mount;
      }
    }
  }
  layout.pureV2 = layout.unified !== undefined && Object.keys(layout.v1).length === 0;
  return layout;
}

/** The layout of this host, read once. */
export function cgroupLayout(): CgroupLayout {
  known ??= parseCgroupLayout(readText("/proc/self/mountinfo"));
  return known;
}

let known: CgroupLayout | undefined;

/**
 * The cgroup of a process in each hierarchy, from the text of its /proc/PID/cgroup. Keys are
 * controllers ("" is the unified hierarchy), values paths from the hierarchy's root.
 */
export function parseProcessCgroups(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first < 0 || second < 0) continue;
    const path = line.slice(second + 1);
    for (const controller of line.slice(first + 1, second).split(",")) out[controller] = path;
  }
  return out;
}
