import { readTextIfAny } from "../linux/file.ts";
import type { FrameInit } from "./chain_error.ts";

/** The kernel numbers memory cgroups with 16 bits, and those that die keep theirs for a while. */
const NEARLY_ALL_IDS = 65_000;

/**
 * Why mkdir(2) of the cgroup `folder` answered ENOSPC: the kernel has no id left for it, a disk has
 * no part in it. The catalogue's id only where the number of memory cgroups proves it.
 */
export function cgroupIdsCause(
  folder: string,
): Pick<FrameInit, "causeId" | "cause" | "fix" | "evidence"> {
  const line = (readTextIfAny("/proc/cgroups") ?? "").match(/^memory\s+\d+\s+(\d+)/m);
  const count = Number(line?.[1] ?? 0);
  return {
    ...(count >= NEARLY_ALL_IDS ? { causeId: "cgroup-ids" } : {}),
    cause: `the kernel has no cgroup id left for ${folder}: ${count} memory cgroups are there`,
    evidence: [{ kind: "cgroup", value: `memory: ${count} cgroups`, ref: "/proc/cgroups" }],
    fix: "echo 3 > /proc/sys/vm/drop_caches frees ids of dying cgroups; else reboot",
  };
}
