import { appStopped } from "./app_stopped.ts";
import { apparmorMissing } from "./apparmor_missing.ts";
import { badInterpreter } from "./bad_interpreter.ts";
import { bindSourceMissing } from "./bind_source_missing.ts";
import { bundleMissing } from "./bundle_missing.ts";
import type { CauseRule } from "./cause.ts";
import { cgroupGone } from "./cgroup_gone.ts";
import { cgroupIds } from "./cgroup_ids.ts";
import { containerdDown } from "./containerd_down.ts";
import { containerdHung } from "./containerd_hung.ts";
import { containerdNofile } from "./containerd_nofile.ts";
import { cwdMissing } from "./cwd_missing.ts";
import { dState } from "./d_state.ts";
import { deviceMissing } from "./device_missing.ts";
import { dockerdDown } from "./dockerd_down.ts";
import { dockerdHung } from "./dockerd_hung.ts";
import { dockerdNofile } from "./dockerd_nofile.ts";
import { execFormat } from "./exec_format.ts";
import { execNotExecutable } from "./exec_not_executable.ts";
import { execNotFound } from "./exec_not_found.ts";
import { healthTimeout } from "./health_timeout.ts";
import { keeperHung } from "./keeper_hung.ts";
import { keyringQuota } from "./keyring_quota.ts";
import { memcgOomApp } from "./memcg_oom_app.ts";
import { memcgOomExec } from "./memcg_oom_exec.ts";
import { memcgOomInit } from "./memcg_oom_init.ts";
import { notRunning } from "./not_running.ts";
import { paused } from "./paused.ts";
import { pidMax } from "./pid_max.ts";
import { pidsAppFork } from "./pids_app_fork.ts";
import { pidsCgroupFull } from "./pids_cgroup_full.ts";
import { portTaken } from "./port_taken.ts";
import { probePileup } from "./probe_pileup.ts";
import { procUnmounted } from "./proc_unmounted.ts";
import { ptmxMissing } from "./ptmx_missing.ts";
import { readOnlyFs } from "./read_only_fs.ts";
import { rlimitNproc } from "./rlimit_nproc.ts";
import { runtimeDirFull } from "./runtime_dir_full.ts";
import { runtimeMissing } from "./runtime_missing.ts";
import { seccompKill } from "./seccomp_kill.ts";
import { shimHung } from "./shim_hung.ts";
import { shimKilled } from "./shim_killed.ts";
import { shimNofile } from "./shim_nofile.ts";
import { shimPidsFull } from "./shim_pids_full.ts";
import { slowLink } from "./slow_link.ts";
import { socketGone } from "./socket_gone.ts";
import { stateDamaged } from "./state_damaged.ts";
import { stateMissing } from "./state_missing.ts";
import { storageHung } from "./storage_hung.ts";
import { threadsMax } from "./threads_max.ts";
import { ttrpcClosed } from "./ttrpc_closed.ts";
import { userUnknown } from "./user_unknown.ts";
import { usernsMax } from "./userns_max.ts";
import { zombies } from "./zombies.ts";

/**
 * All causes that the doctor knows, in the order in which they hide each other: what stops every
 * request comes first, what concerns one program comes last. Of several that are proved the first
 * is the cause, the others are told as well.
 */
export const CAUSES: readonly CauseRule[] = [
  storageHung,
  shimHung,
  keeperHung,
  socketGone,
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
  usernsMax,
  apparmorMissing,
  shimNofile,
  containerdNofile,
  dockerdNofile,
  keyringQuota,
  cgroupIds,
  portTaken,
  // It runs, and no exec can enter.
  paused,
  stateMissing,
  stateDamaged,
  bundleMissing,
  cgroupGone,
  procUnmounted,
  deviceMissing,
  zombies,
  probePileup,
  pidsAppFork,
  pidsCgroupFull,
  shimPidsFull,
  threadsMax,
  pidMax,
  rlimitNproc,
  runtimeDirFull,
  memcgOomExec,
  dState,
  ttrpcClosed,
  // One program cannot start.
  userUnknown,
  execNotFound,
  execNotExecutable,
  execFormat,
  badInterpreter,
  cwdMissing,
  notRunning,
  // It runs and can be entered.
  appStopped,
  ptmxMissing,
  readOnlyFs,
  healthTimeout,
  slowLink,
];
