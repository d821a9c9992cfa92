import type { FaultRow } from "./fault_row.ts";
import * as containers from "./rows/containers.ts";
import * as limits from "./rows/limits.ts";
import * as links from "./rows/links.ts";
import * as processes from "./rows/processes.ts";
import * as state from "./rows/state.ts";

/** Every row that the laboratory injects; those that end a daemon come last. */
export const FAULT_ROWS: readonly FaultRow[] = [
  limits.pidsCgroupFull,
  limits.pidsAppFork,
  limits.shimPidsFull,
  limits.rlimitNproc,
  limits.shimNofile,
  limits.dockerdNofile,
  limits.containerdNofile,
  limits.memcgOomExec,
  limits.memcgOomApp,
  processes.zombies,
  processes.probePileup,
  links.paused,
  links.notRunning,
  links.shimKilled,
  links.shimHung,
  links.keeperHung,
  links.appStopped,
  links.slowLink,
  links.healthTimeout,
  state.stateMissing,
  state.stateDamaged,
  state.bundleMissing,
  state.socketGone,
  containers.cgroupGone,
  containers.procUnmounted,
  containers.ptmxMissing,
  containers.deviceMissing,
  containers.execNotFound,
  containers.execNotExecutable,
  containers.execFormat,
  containers.badInterpreter,
  containers.cwdMissing,
  containers.userUnknown,
  containers.readOnlyFs,
  containers.bindSourceMissing,
  containers.portTaken,
  containers.seccompKill,
  containers.runtimeMissing,
  containers.runtimeDirFull,
  links.containerdHung,
  links.dockerdHung,
  links.containerdDown,
  links.dockerdDown,
];
