import { errnoOf, killProcess, statFile } from "#lib/linux/file.ts";
import { thawCgroup } from "../cgroups/cgroup_freezer.ts";
import { mainFolder } from "../cgroups/cgroup_path.ts";
import { signalCgroup } from "../cgroups/cgroup_processes.ts";
import type { ContainerState } from "../state/container_state.ts";
import { containerStatus, initAlive } from "../state/container_status.ts";
import { commandFailure, refuse } from "./command_failure.ts";
import { removeContainer } from "./container_remove.ts";
import type { RuntimeContext } from "./runtime_context.ts";

const SIGKILL = 9;
/** How long `delete` waits for a killed process to go: 1 ms steps at first, 10 s in all. */
const MAX_WAIT_MS = 10_000;

const notRunning = (state: ContainerState) =>
  refuse("kill", "container not running", "failed_precondition", {
    causeId: "not-running",
    evidence: [{ kind: "path", value: `no process ${state.init_process_pid}`, ref: "/proc" }],
  });

function signalInit(state: ContainerState, signal: number): void {
  try {
    killProcess(state.init_process_pid, signal);
  } catch (error) {
    if (errnoOf(error) === "ESRCH") throw notRunning(state);
    const inner = commandFailure(error, "kill");
    const { code, evidence } = inner.outer;
    const message = inner.outer.message.replace(/^kill\b/, "unable to signal init");
    throw refuse("kill", message, code, { ...(evidence ? { evidence } : {}) });
  }
}

/** Sends a signal to a container's first process, or to every one of its processes. */
export function signalContainer(
  context: RuntimeContext,
  id: string,
  signal: number,
  all = false,
): void {
  const state = context.store.load(id);
  const status = containerStatus(context.store, state);
  if (all) {
    const folder = mainFolder(state.cgroup_paths);
    if (status === "stopped" && (folder === undefined || !statFile(folder))) return;
    signalCgroup(state.cgroup_paths, signal);
    return;
  }
  if (status === "stopped" || !initAlive(state)) throw notRunning(state);
  signalInit(state, signal);
  // A frozen process dies only once it is thawed.
  if (status === "paused" && signal === SIGKILL) thawCgroup(state.cgroup_paths);
}

/** Kills a container's first process and waits until it is gone. */
async function killAndWait(state: ContainerState): Promise<void> {
  try {
    killProcess(state.init_process_pid, SIGKILL);
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
  thawCgroup(state.cgroup_paths);
  const until = performance.now() + MAX_WAIT_MS;
  for (let waitMs = 1; initAlive(state); waitMs = Math.min(waitMs * 2, 100)) {
    if (performance.now() > until) {
      throw refuse("delete", "container init still running", "deadline_exceeded", {
        causeId: "d-state",
        evidence: [
          { kind: "path", value: "SIGKILL without effect", ref: `/proc/${state.init_process_pid}` },
        ],
      });
    }
    await Bun.sleep(waitMs);
  }
}

/** Deletes a container: a stopped or created one, or with `force` any, a missing one included. */
export async function deleteContainer(
  context: RuntimeContext,
  id: string,
  force = false,
): Promise<void> {
  let state: ContainerState;
  try {
    state = context.store.load(id);
  } catch (error) {
    // An aborted creation may have left the folder without a state.
    const code = (error as { outer?: { code?: string } }).outer?.code;
    if (code !== "not_found") throw error;
    context.store.remove(id);
    if (force) return;
    throw error;
  }
  await context.store.locked(id, async () => {
    const status = containerStatus(context.store, state);
    if (status !== "stopped") {
      if (status !== "created" && !force) {
        throw refuse("delete", `cannot delete container ${id} that is not stopped: ${status}`);
      }
      await killAndWait(state);
    }
    await removeContainer(context, state);
  });
}
