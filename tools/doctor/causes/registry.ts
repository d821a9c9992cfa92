import type { CauseRule } from "./cause.ts";
import { procUnmounted, ptmxMissing, readOnlyFs } from "./container_mounts.ts";
import { containerdDown, dockerdDown } from "./daemon_down.ts";
import { dState, healthTimeout, keyringQuota, slowLink, zombies } from "./health.ts";
import { cgroupGone, shimKilled, stateMissing } from "./lost_state.ts";
import { memcgOomApp, memcgOomExec, memcgOomInit } from "./memory.ts";
import { containerdNofile, dockerdNofile, shimNofile } from "./nofile.ts";
import { notRunning } from "./not_running.ts";
import { paused } from "./paused.ts";
import { pidsAppFork, pidsCgroupFull } from "./pids_cgroup_full.ts";
import { pidMax, rlimitNproc, shimPidsFull, threadsMax } from "./process_limits.ts";
import {
  badInterpreter,
  cwdMissing,
  execFormat,
  execNotExecutable,
  execNotFound,
  userUnknown,
} from "./program.ts";
import { containerdHung, dockerdHung, shimHung } from "./shim_hung.ts";
import {
  bindSourceMissing,
  runtimeDirFull,
  runtimeMissing,
  seccompKill,
} from "./start_failures.ts";

/**
 * All causes that the doctor knows, in the order in which they hide each other: what stops every
 * request comes first, what concerns one program comes last. Of several that are proved the first
 * is the cause, the others are told as well.
 */
export const CAUSES: readonly CauseRule[] = [
  shimHung,
  containerdDown,
  containerdHung,
  dockerdDown,
  dockerdHung,
  // Why it does not run, then that it does not.
  memcgOomApp,
  shimKilled,
  runtimeMissing,
  seccompKill,
  bindSourceMissing,
  memcgOomInit,
  shimNofile,
  containerdNofile,
  dockerdNofile,
  keyringQuota,
  // It runs, and no exec can enter.
  paused,
  stateMissing,
  cgroupGone,
  procUnmounted,
  zombies,
  pidsAppFork,
  pidsCgroupFull,
  shimPidsFull,
  threadsMax,
  pidMax,
  rlimitNproc,
  runtimeDirFull,
  memcgOomExec,
  dState,
  // One program cannot start.
  userUnknown,
  execNotFound,
  execNotExecutable,
  execFormat,
  badInterpreter,
  cwdMissing,
  notRunning,
  // Some execs fail.
  ptmxMissing,
  readOnlyFs,
  healthTimeout,
  slowLink,
];
