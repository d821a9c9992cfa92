import { POLL, poll } from "#lib/linux/descriptor.ts";
import { closeFile, errnoOf, O, openFile, readDescriptor, removeFile } from "#lib/linux/file.ts";
import type { TraceContext } from "#lib/trace/span.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import { forkedOnly } from "../process/launch_result.ts";
import type { ContainerState } from "../state/container_state.ts";
import { containerStatus, initAlive } from "../state/container_status.ts";
import { EXEC_FIFO } from "../state/state_store.ts";
import { commandFailure, refuse } from "./command_failure.ts";
import { hasHooks, runHooks } from "./hook_run.ts";
import type { RuntimeContext } from "./runtime_context.ts";

/** How long one wait for the container's process lasts before we look whether it still lives. */
const STEP_MS = 100;
/** Its start needs microseconds; startContainer hooks run before it answers, and may take long. */
const MAX_STEPS = 36_000;

/**
 * Lets the waiting process go: it opened the FIFO for writing, so opening it for reading is the
 * signal; the byte it then writes says that it went.
 */
function releaseInit(context: RuntimeContext, state: ContainerState): void {
  const path = `${context.store.folder(state.id)}/${EXEC_FIFO}`;
  const fd = openFile(path, O.RDONLY | O.NONBLOCK);
  try {
    for (let step = 0; step < MAX_STEPS; step++) {
      const [events] = poll([fd, POLL.IN], STEP_MS) as [number];
      if (events & POLL.IN && readDescriptor(fd) !== "") {
        removeFile(path);
        return;
      }
      if (events & POLL.HUP) break;
      if (!initAlive(state)) break;
    }
  } catch (error) {
    // Another `start` read the byte and removed the FIFO.
    if (errnoOf(error) !== "ENOENT") throw error;
    throw refuse("start", "cannot start an already running container");
  } finally {
    closeFile(fd);
  }
  throw refuse("start", "container process is already dead", "failed_precondition", {
    evidence: [{ kind: "path", value: `process ${state.init_process_pid} is gone`, ref: path }],
  });
}

function checkStartable(context: RuntimeContext, state: ContainerState): void {
  const status = containerStatus(context.store, state);
  if (status === "created") return;
  const message =
    status === "stopped"
      ? "cannot start a container that has stopped"
      : status === "running"
        ? "cannot start an already running container"
        : `cannot start a container in the ${status} state`;
  throw refuse("start", message);
}

/**
 * Starts a created container's program, then runs its poststart hooks. `known`: its state, when the
 * caller has just saved it.
 */
export async function startContainer(
  context: RuntimeContext,
  id: string,
  trace?: TraceContext,
  known?: ContainerState,
): Promise<void> {
  await new Tracer("runc", context.sink).span("runc start", trace, async (span) => {
    span.set({ container: id });
    try {
      const state = known ?? context.store.load(id);
      checkStartable(context, state);
      releaseInit(context, state);
      await runPoststart(state);
    } catch (error) {
      throw commandFailure(error, "start");
    }
  });
}

/** These hooks are owed a program that was executed: startContainer hooks come before that. */
async function programRuns(state: ContainerState): Promise<void> {
  for (let step = 1; step <= MAX_STEPS; step++) {
    if (!initAlive(state) || !forkedOnly(state.init_process_pid)) return;
    await Bun.sleep(Math.min(step, STEP_MS));
  }
}

/**
 * The specification lets a failed poststart hook only be told; runc ends the container. So do we.
 */
async function runPoststart(state: ContainerState): Promise<void> {
  if (!hasHooks(state, "poststart")) return;
  await programRuns(state);
  try {
    await runHooks("poststart", state, "running");
  } catch (error) {
    if (initAlive(state)) process.kill(state.init_process_pid, "SIGKILL");
    throw commandFailure(error, "poststart");
  }
}
