import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Span } from "#lib/trace/tracer.ts";
import type { TaskService } from "#wire/task-ttrpc/task_service.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";
import { createTask } from "./task_create.ts";
import { deleteTask } from "./task_delete.ts";
import { execTask } from "./task_exec.ts";
import { killTask } from "./task_kill.ts";
import { pauseTask, resumeTask } from "./task_pause.ts";
import { pidsOfTask } from "./task_pids.ts";
import { startTask } from "./task_start.ts";
import { stateOfTask } from "./task_state.ts";
import { statsOfTask } from "./task_stats.ts";
import { closeIoOfTask, resizeTask } from "./task_streams.ts";
import { updateTask } from "./task_update.ts";
import { waitTask } from "./task_wait.ts";

/** The Task service of a shim: a file for each verb, a span of the caller's trace for each call. */
export function taskService(shim: ShimContext): TaskService {
  const traced = <T>(
    op: string,
    id: string,
    context: CallContext,
    work: (span: Span) => Promise<T>,
  ): Promise<T> => {
    shim.log.debug(op, { id });
    return shim.tracer.span(`shim ${op}`, context.trace, async (span) => {
      span.set({ "container.id": id });
      try {
        return await work(span);
      } catch (thrown) {
        const error = toChainError(thrown, "shim", op);
        shim.log.debug(`${op} failed`, { id, error: error.message });
        throw error;
      }
    });
  };
  return {
    state: (request) => stateOfTask(shim, request),
    create: (request, context) =>
      traced("create", request.id, context, (span) => createTask(shim, request, span)),
    start: (request, context) =>
      traced(request.execId === "" ? "start" : "exec", request.id, context, (span) =>
        startTask(shim, request, span.set({ "exec.id": request.execId })),
      ),
    delete: (request, context) =>
      traced("delete", request.id, context, () => deleteTask(shim, request)),
    pids: (request) => pidsOfTask(shim, request),
    pause: (request, context) =>
      traced("pause", request.id, context, () => pauseTask(shim, request)),
    resume: (request, context) =>
      traced("resume", request.id, context, () => resumeTask(shim, request)),
    checkpoint: async (request) => {
      containerOf(shim, request.id, "checkpoint");
      const message = "checkpointing a container is not supported by this shim";
      throw failure({ layer: "shim", op: "checkpoint", code: "unimplemented", message });
    },
    kill: (request, context) => traced("kill", request.id, context, () => killTask(shim, request)),
    exec: (request, context) =>
      traced("exec-add", request.id, context, () => execTask(shim, request)),
    resizePty: (request) => resizeTask(shim, request),
    closeIO: (request) => closeIoOfTask(shim, request),
    update: (request, context) =>
      traced("update", request.id, context, () => updateTask(shim, request)),
    wait: (request, context) => waitTask(shim, request, context),
    stats: (request) => statsOfTask(shim, request),
    connect: async (request) => ({
      shimPid: process.pid,
      taskPid: shim.containers.get(request.id)?.init.pid ?? 0,
    }),
    shutdown: async (request) => {
      shim.retire(request.id);
      return {};
    },
  };
}
