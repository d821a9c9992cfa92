import { cleanPath } from "#lib/linux/path.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import type { ExecOptions } from "#wire/oci-runtime/runtime.ts";
import type { CgroupPaths } from "../cgroups/cgroup_path.ts";
import { joinTarget } from "../cgroups/join_target.ts";
import type { ExecLaunch, Launched } from "../process/launch_types.ts";
import type { Process } from "../spec/spec_types.ts";
import type { ContainerState } from "../state/container_state.ts";
import { containerStatus } from "../state/container_status.ts";
import { checkProcess, checkTerminal } from "./bundle_config.ts";
import { commandFailure, refuse } from "./command_failure.ts";
import { type ExecBase, execBase } from "./exec_base.ts";
import { logExecStages } from "./launch_debug.ts";
import { writePidFile } from "./pid_file.ts";
import { sendPidfd } from "./pidfd_socket.ts";
import type { RuntimeContext } from "./runtime_context.ts";

/** Beyond the interface: what only the command line has. */
export interface ContainerExec extends ExecOptions {
  consoleSocketFd?: number;
  /** Path of a unix socket that receives the process's pidfd. */
  pidfdSocket?: string;
  preserveFds?: number;
  /** Exec although the container is paused: the process waits frozen. */
  ignorePaused?: boolean;
  foreground?: boolean;
  /** The container's state, when it was loaded already. */
  state?: ContainerState;
  /** A folder through which somebody steps from operation to operation. */
  step?: string;
  /** `--cgroup`: a nested cgroup by controller; "" for all. */
  subCgroups?: Record<string, string>;
}

/** Refuses an exec that could not run, in runc's words. */
export function checkRunning(
  context: RuntimeContext,
  state: ContainerState,
  options: ContainerExec,
): void {
  const status = containerStatus(context.store, state);
  if (status === "stopped") {
    throw refuse("exec", "cannot exec in a stopped container", "failed_precondition", {
      causeId: "not-running",
      evidence: [{ kind: "path", value: `no process ${state.init_process_pid}`, ref: "/proc" }],
    });
  }
  if (status === "paused" && !options.ignorePaused) {
    throw refuse(
      "exec",
      "cannot exec in a paused container (use --ignore-paused to override)",
      "failed_precondition",
      { causeId: "paused", fix: `resume it first: catena-runc resume ${state.id}` },
    );
  }
}

/** The container's folders with `--cgroup` applied. Refuses what leaves them or is not there. */
function subCgroupPaths(paths: CgroupPaths, wanted: Record<string, string>): CgroupPaths {
  const { statFile } = require("#lib/linux/file.ts") as typeof import("#lib/linux/file.ts");
  const out: CgroupPaths = { ...paths };
  const all = wanted[""] !== undefined && !(Object.keys(paths).length === 1);
  const entries = all
    ? Object.keys(paths).map((controller) => [controller, wanted[""]!] as const)
    : Object.entries(wanted);
  for (const [controller, sub] of entries) {
    const base = paths[controller];
    if (base === undefined) {
      throw refuse(
        "exec",
        `unable to create new parent process: unknown controller ${controller} in SubCgroupPaths`,
        "invalid_argument",
      );
    }
    const folder = cleanPath(`${base}/${sub}`);
    if (folder !== base && !folder.startsWith(`${base}/`)) {
      const why = `${sub} is not a sub cgroup path`;
      throw refuse("exec", `unable to create new parent process: ${why}`, "invalid_argument");
    }
    const processes = `${folder}/cgroup.procs`;
    if (!statFile(processes)) {
      throw refuse(
        "exec",
        "unable to start container process: error adding pid to cgroups: " +
          `open ${processes}: no such file or directory`,
        "invalid_argument",
        { evidence: [{ kind: "cgroup", value: "missing", ref: folder }] },
      );
    }
    out[controller] = folder;
  }
  return out;
}

function launchRequest(
  context: RuntimeContext,
  base: ExecBase,
  options: ContainerExec,
): ExecLaunch {
  const { state } = base;
  const stateDir = context.store.folder(state.id);
  const paths = options.subCgroups
    ? subCgroupPaths(state.cgroup_paths, options.subCgroups)
    : state.cgroup_paths;
  let cgroup = options.subCgroups ? joinTarget(paths, stateDir) : base.cgroup;
  if (options.rescue) {
    const { rescueJoin } =
      require("../cgroups/rescue_cgroup.ts") as typeof import("../cgroups/rescue_cgroup.ts");
    cgroup = rescueJoin(cgroup, paths, state.config.cgroups, state.id);
  }
  const request: ExecLaunch = {
    launcher: options.launcher,
    cgroup,
    id: state.id,
    process: options.process as Process,
    spec: base.spec,
    containerPid: state.init_process_pid,
    namespacePaths: base.namespaces,
    noNewKeyring: state.config.no_new_keyring,
    warn: context.warn,
  };
  if (base.filter) request.filter = base.filter;
  // A plan is known by its base's own cgroup.
  if (base.plan && cgroup === base.cgroup) request.plan = base.plan;
  if (options.consoleSocket) request.consoleSocket = options.consoleSocket;
  if (options.consoleSocketFd !== undefined) request.consoleSocketFd = options.consoleSocketFd;
  if (options.preserveFds) request.preserveFds = options.preserveFds;
  if (options.trace) request.trace = options.trace;
  if (context.sink) request.sink = context.sink;
  if (options.signal) request.signal = options.signal;
  if (options.step !== undefined) request.step = options.step;
  return request;
}

function baseOf({ store, execBases }: RuntimeContext, { id, state }: ContainerExec): ExecBase {
  if (execBases && !state) return execBases.of(store, id);
  return execBase(store, state ?? store.load(id));
}

async function run(context: RuntimeContext, options: ContainerExec): Promise<Launched> {
  if (options.rescue && process.geteuid!() !== 0) {
    throw refuse("exec", "--rescue is for root only", "permission_denied");
  }
  const base = baseOf(context, options);
  if (!options.state) checkRunning(context, base.state, options);
  const process_ = options.process as Process | undefined;
  checkProcess(process_);
  checkTerminal(process_, !options.foreground, options.consoleSocket !== undefined);
  const { launchExec } =
    require("../process/launch_exec.ts") as typeof import("../process/launch_exec.ts");
  const launched = await launchExec(launchRequest(context, base, options));
  logExecStages(context, launched);
  try {
    if (options.pidfdSocket) sendPidfd(options.pidfdSocket, launched.pid, "exec");
    if (options.pidFile) writePidFile(options.pidFile, launched.pid);
  } catch (error) {
    process.kill(launched.pid, "SIGKILL");
    throw error;
  }
  return launched;
}

/** Starts one more process in a running container. */
export async function execInContainer(
  context: RuntimeContext,
  options: ContainerExec,
): Promise<{ pid: number }> {
  const tracer = new Tracer("runc", context.sink);
  const launched = await tracer.span("runc exec", options.trace, async (span) => {
    span.set({ container: options.id, ...(options.rescue ? { rescue: true } : {}) });
    try {
      return await run(context, { ...options, trace: span.context });
    } catch (error) {
      throw commandFailure(error, "exec");
    }
  });
  return { pid: launched.pid };
}
