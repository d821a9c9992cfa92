import type { Tasks } from "#gen/wire/containerd-api/proto/tasks_pb.ts";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import type { TaskClient } from "#wire/task-ttrpc/task_service.ts";
import { refuse } from "../metadata/refusal.ts";
import { execProcess, startProcess, updateTask } from "./task_control.ts";
import { createTask } from "./task_create.ts";
import { deleteProcess, deleteTask } from "./task_delete.ts";
import { framed, shimContext, type TaskParts, taskOf } from "./task_parts.ts";
import { getProcess, listTasks, taskMetrics, waitProcess } from "./task_query.ts";

/** The tasks service: a file for each kind of verb, the shims behind it. */
export function tasksService(parts: TaskParts): ServiceImplementation<typeof Tasks> {
  /** Passes a verb on to the task's shim. */
  const pass = async <T>(
    op: string,
    id: string,
    context: CallContext,
    work: (client: TaskClient, context: CallContext) => Promise<T>,
  ): Promise<T> => {
    const task = taskOf(parts, id, context);
    return await framed(op, () => task.call((client) => work(client, shimContext(task, context))));
  };
  return {
    create: (request, context) => createTask(parts, request, context),
    start: (request, context) => startProcess(parts, request, context),
    delete: (request, context) => deleteTask(parts, request, context),
    deleteProcess: (request, context) => deleteProcess(parts, request, context),
    get: async (request, context) => ({ process: await getProcess(parts, request, context) }),
    list: async (_request, context) => ({ tasks: await listTasks(parts, context) }),
    kill: async ({ containerId: id, execId, signal, all }, context) => {
      await pass("tasks.kill", id, context, (c, ctx) => c.kill({ id, execId, signal, all }, ctx));
      return {};
    },
    exec: async (request, context) => {
      await execProcess(parts, request, context);
      return {};
    },
    resizePty: async ({ containerId: id, execId, width, height }, context) => {
      const size = { id, execId, width, height };
      await pass("tasks.resize_pty", id, context, (c, ctx) => c.resizePty(size, ctx));
      return {};
    },
    closeIO: async ({ containerId: id, execId, stdin }, context) => {
      if (!stdin) return {};
      await pass("tasks.close_io", id, context, (c, ctx) => c.closeIO({ id, execId, stdin }, ctx));
      return {};
    },
    pause: async ({ containerId: id }, context) => {
      await pass("tasks.pause", id, context, (c, ctx) => c.pause({ id }, ctx));
      return {};
    },
    resume: async ({ containerId: id }, context) => {
      await pass("tasks.resume", id, context, (c, ctx) => c.resume({ id }, ctx));
      return {};
    },
    listPids: async ({ containerId: id }, context) => {
      const { processes } = await pass("tasks.list_pids", id, context, (client, ctx) =>
        client.pids({ id }, ctx),
      );
      return { processes };
    },
    checkpoint: async ({ containerId }, context) => {
      taskOf(parts, containerId, context);
      throw refuse("unimplemented", "checkpoint of a task");
    },
    update: async (request, context) => {
      await updateTask(parts, request, context);
      return {};
    },
    metrics: ({ filters }, context) => taskMetrics(parts, filters, context),
    wait: (request, context) => waitProcess(parts, request, context),
  };
}
