import type { ChainError } from "#lib/errors/chain_error.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import type { CreateOptions } from "#wire/oci-runtime/runtime.ts";
import { createCgroup } from "../cgroups/cgroup_create.ts";
import { freezerState } from "../cgroups/cgroup_freezer.ts";
import { cgroupLayout } from "../cgroups/cgroup_layout.ts";
import { cgroupProcesses } from "../cgroups/cgroup_processes.ts";
import { plannedPaths, setLimits } from "../cgroups/container_cgroup.ts";
import { setDevices } from "../cgroups/device_rules.ts";
import { joinTarget, makeJoinLock } from "../cgroups/join_target.ts";
import type { HeldUnit } from "../cgroups/systemd_unit.ts";
import type { ContainerLaunch, Launched } from "../process/launch_types.ts";
import type { Spec } from "../spec/spec_types.ts";
import { type ContainerState, namespacePaths, STATE_SCHEMA } from "../state/container_state.ts";
import { processStat } from "../state/process_stat.ts";
import { containerConfig } from "../state/spec_config.ts";
import { checkTerminal, readBundle } from "./bundle_config.ts";
import { commandFailure, refuse } from "./command_failure.ts";
import { removeContainer } from "./container_remove.ts";
import { runHooks } from "./hook_run.ts";
import { logCreateStages } from "./launch_debug.ts";
import { writePidFile } from "./pid_file.ts";
import { sendPidfd } from "./pidfd_socket.ts";
import type { RuntimeContext } from "./runtime_context.ts";
import { RUNTIME_VERSION } from "./runtime_version.ts";

const SIGKILL = 9;
/** Names the folder through which `catena run --break-before` steps through the launch. */
const STEP_ANNOTATION = "io.catena.step";

/** Beyond the interface: what the command line has and a parent in the same process has not. */
export interface ContainerCreation extends CreateOptions {
  consoleSocketFd?: number;
  /** Path of a unix socket that receives the process's pidfd. */
  pidfdSocket?: string;
  preserveFds?: number;
  /** Foreground `run`: the terminal, if any, is ours to relay. */
  foreground?: boolean;
  /** Changes to the spec that come from the caller's environment (sd-notify, LISTEN_FDS). */
  adapt?: (spec: Spec) => void;
  /** Called when the state folder was made. */
  onFolder?: () => void;
}

interface Created {
  pid: number;
  state: ContainerState;
}

/** The state of a container that is about to be launched. */
function newState(context: RuntimeContext, options: ContainerCreation, spec: Spec): ContainerState {
  const config = containerConfig({
    id: options.id,
    spec,
    bundle: options.bundle,
    noPivot: options.noPivot ?? false,
    noNewKeyring: options.noNewKeyring ?? false,
    systemd: context.systemd,
    rootlessEuid: process.geteuid!() !== 0,
    rootlessCgroups: context.rootless,
  });
  return {
    id: options.id,
    init_process_pid: 0,
    init_process_start: 0,
    created: new Date().toISOString(),
    config,
    rootless: process.geteuid!() !== 0 && context.rootless,
    cgroup_paths: plannedPaths(config.cgroups),
    namespace_paths: {},
    intel_rdt_path: "",
    catena: { schema: STATE_SCHEMA, version: RUNTIME_VERSION },
  };
}

/** Refuses a cgroup in which the container could not run, or would share limits unawares. */
function checkCgroup(context: RuntimeContext, state: ContainerState): void {
  if (freezerState(state.cgroup_paths) === "FROZEN") {
    throw refuse("check cgroup", "container's cgroup unexpectedly frozen");
  }
  const found = cgroupProcesses(state.cgroup_paths).length;
  if (found > 0) {
    context.warn(`container's cgroup is not empty: ${found} process(es) found`);
  }
}

/** User and group on the host of the container's root. */
function hostRoot(spec: Spec): [number, number] {
  const { namespaces, uidMappings, gidMappings } = spec.linux ?? {};
  if (!namespaces?.some(({ type }) => type === "user")) return [0, 0];
  const host = (mappings: typeof uidMappings) =>
    mappings?.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
  return [host(uidMappings), host(gidMappings)];
}

/** A step of starting the process; its failure has the words that scripts know from runc. */
async function step(message: string, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    const inner = commandFailure(error, "create cgroup");
    const { code } = inner.outer;
    throw inner.wrap({
      layer: "runc",
      op: "create cgroup",
      code,
      message: `unable to start container process: ${message}`,
    });
  }
}

/** Loaded for callers who want it only: it brings the D-Bus library. */
const systemd = () => import("../cgroups/systemd_unit.ts");

/**
 * Makes the cgroup with all its limits, before anything runs in it. With systemd it is a unit's,
 * which is held in place until the container's process is there.
 */
async function buildCgroup(state: ContainerState, spec: Spec): Promise<HeldUnit | undefined> {
  const { cgroups } = state.config;
  const rootless = cgroups.Rootless ?? false;
  let unit: HeldUnit | undefined;
  try {
    await step("unable to apply cgroup configuration", async () => {
      if (cgroups.Systemd) {
        unit = await (await systemd()).HeldUnit.start(cgroups, spec.annotations);
      }
      state.cgroup_paths = createCgroup(cgroupLayout(), state.cgroup_paths, cgroups);
    });
    const setting = "error setting cgroup config for procHooks process";
    await step(`error during container init: ${setting}`, () => {
      if (Object.keys(state.cgroup_paths).length > 0) {
        setDevices(state.cgroup_paths, cgroups.devices ?? [], rootless);
      }
      setLimits(state.cgroup_paths, unit?.heldConfig ?? cgroups);
    });
    return unit;
  } catch (error) {
    await unit?.abandon();
    throw error;
  }
}

function noteProcess(state: ContainerState, pid: number): void {
  state.init_process_pid = pid;
  state.init_process_start = processStat(pid)?.startTime ?? 0;
  state.namespace_paths = namespacePaths(state.config, pid);
}

async function launch(
  context: RuntimeContext,
  options: ContainerCreation,
  spec: Spec,
  state: ContainerState,
): Promise<Launched> {
  const stateDir = context.store.folder(options.id);
  makeJoinLock(stateDir);
  const request: ContainerLaunch = {
    launcher: options.launcher,
    cgroup: joinTarget(state.cgroup_paths, stateDir),
    id: options.id,
    spec,
    bundle: options.bundle,
    stateDir,
    noPivot: options.noPivot ?? false,
    noNewKeyring: options.noNewKeyring ?? false,
    warn: context.warn,
    async onNamespaces(pid) {
      noteProcess(state, pid);
      context.store.save(state);
      await runHooks("prestart", state, "creating");
      await runHooks("createRuntime", state, "creating");
    },
  };
  if (options.consoleSocket) request.consoleSocket = options.consoleSocket;
  if (options.consoleSocketFd !== undefined) request.consoleSocketFd = options.consoleSocketFd;
  if (options.preserveFds) request.preserveFds = options.preserveFds;
  if (options.trace) request.trace = options.trace;
  if (context.sink) request.sink = context.sink;
  if (options.signal) request.signal = options.signal;
  const step = spec.annotations?.[STEP_ANNOTATION];
  if (step !== undefined) request.step = step;
  const { launchContainer } =
    require("../process/launch_container.ts") as typeof import("../process/launch_container.ts");
  return launchContainer(request);
}

/** Takes back all that a failed creation built; what of that failed is attached to the cause. */
async function unwind(
  context: RuntimeContext,
  state: ContainerState,
  cause: ChainError,
): Promise<never> {
  if (state.init_process_pid > 0) {
    try {
      process.kill(state.init_process_pid, SIGKILL);
    } catch {
      // Gone already.
    }
  }
  try {
    await removeContainer(context, state);
  } catch (error) {
    cause.cleanup = commandFailure(error, "clean up");
  }
  throw cause;
}

async function build(context: RuntimeContext, options: ContainerCreation): Promise<Created> {
  const spec = readBundle(options.bundle);
  const console = options.consoleSocket !== undefined;
  checkTerminal(spec.process!, !options.foreground, console);
  options.adapt?.(spec);
  context.store.folder(options.id);
  const state = newState(context, options, spec);
  if (context.systemd) {
    state.cgroup_paths = await (await systemd()).userPaths(state.cgroup_paths);
  }
  checkCgroup(context, state);
  context.store.createFolder(options.id);
  let unit: HeldUnit | undefined;
  try {
    context.store.makeFifo(options.id, ...hostRoot(spec));
    options.onFolder?.();
    unit = await buildCgroup(state, spec);
    const launched = await launch(context, options, spec, state);
    await unit?.settle(state.cgroup_paths);
    logCreateStages(context, launched);
    if (options.pidfdSocket) sendPidfd(options.pidfdSocket, launched.pid, "init");
    if (options.pidFile) writePidFile(options.pidFile, launched.pid);
    return { pid: launched.pid, state };
  } catch (error) {
    await unit?.abandon();
    return unwind(context, state, commandFailure(error, "create"));
  }
}

/**
 * Creates a container from its bundle and leaves its process waiting for `start`. On failure
 * nothing is left: no process, cgroup, or state.
 */
export async function createContainer(
  context: RuntimeContext,
  options: ContainerCreation,
): Promise<Created> {
  return new Tracer("runc", context.sink).span("runc create", options.trace, async (span) => {
    span.set({ container: options.id });
    try {
      return await build(context, { ...options, trace: span.context });
    } catch (error) {
      throw commandFailure(error, "create");
    }
  });
}
