import type { CauseRule } from "./cause.ts";
import { containerdDown, dockerdDown } from "./daemon_down.ts";
import { notRunning } from "./not_running.ts";
import { paused } from "./paused.ts";
import { pidsAppFork, pidsCgroupFull } from "./pids_cgroup_full.ts";
import { containerdHung, dockerdHung, shimHung } from "./shim_hung.ts";

/**
 * All causes that the doctor knows, in the order in which they hide each other: what stops every
 * request comes first, what concerns one program comes last. Of several that are proved the first
 * is the cause, the others are told as well.
 */
export const CAUSES: readonly CauseRule[] = [
  notRunning,
  shimHung,
  containerdDown,
  containerdHung,
  dockerdDown,
  dockerdHung,
  paused,
  pidsAppFork,
  pidsCgroupFull,
];
