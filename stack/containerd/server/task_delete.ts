import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  DeleteProcessRequest,
  DeleteResponseSchema,
  DeleteTaskRequest,
} from "#gen/wire/containerd-api/proto/tasks_pb.ts";
import type { DeleteResponse } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { isConnectionLost } from "../runtime/shim_link.ts";
import type { Task } from "../runtime/task.ts";
import { buriedExit, framed, shimContext, type TaskParts, taskOf } from "./task_parts.ts";

type Reply = MessageInitShape<typeof DeleteResponseSchema>;

/** Deletes a task that has ended. Its shim lets go of it, and its bundle is removed. */
export async function deleteTask(
  parts: TaskParts,
  { containerId }: DeleteTaskRequest,
  context: CallContext,
): Promise<Reply> {
  const buried = buriedExit(parts, containerId, context);
  if (buried) {
    parts.supervisor.tasks.forget(context.namespace ?? "", containerId);
    return { id: containerId, ...buried };
  }
  const task = taskOf(parts, containerId, context);
  const response = await framed(
    "tasks.delete",
    () => deleteAtShim(parts, task, context),
    "failed to delete task",
  );
  await parts.supervisor.release(task);
  return replyOf(containerId, response);
}

/** Deletes an exec process that has ended. */
export async function deleteProcess(
  parts: TaskParts,
  { containerId, execId }: DeleteProcessRequest,
  context: CallContext,
): Promise<Reply> {
  const task = taskOf(parts, containerId, context);
  const response = await framed("tasks.delete_process", () =>
    task.call(
      (client) => client.delete({ id: task.id, execId }, shimContext(task, context)),
      execId,
    ),
  );
  return replyOf(execId, response);
}

async function deleteAtShim(
  parts: TaskParts,
  task: Task,
  context: CallContext,
): Promise<DeleteResponse> {
  try {
    return await task.call((client) => client.delete({ id: task.id }, shimContext(task, context)));
  } catch (error) {
    // A shim that does not know the task, or died, leaves nothing to wait for: the rest is cleared.
    const gone = error instanceof ChainError && error.outer.code === "not_found";
    if (gone && !isConnectionLost(error)) await parts.supervisor.release(task);
    throw error;
  }
}

function replyOf(id: string, { pid, exitStatus, exitedAt }: DeleteResponse): Reply {
  return exitedAt ? { id, pid, exitStatus, exitedAt } : { id, pid, exitStatus };
}
