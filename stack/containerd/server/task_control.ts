import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  ExecProcessRequest,
  StartRequest,
  StartResponseSchema,
  UpdateTaskRequest,
} from "#gen/wire/containerd-api/proto/tasks_pb.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { checkIdentifier } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";
import { answerOfShim } from "../runtime/hung_shim.ts";
import type { Task } from "../runtime/task.ts";
import { framed, shimContext, type TaskParts, taskOf } from "./task_parts.ts";

/** Starts the container, or an exec that was added. */
export async function startProcess(
  parts: TaskParts,
  { containerId, execId }: StartRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof StartResponseSchema>> {
  const task = taskOf(parts, containerId, context);
  const { pid } = await framed("tasks.start", () =>
    // Not cut short when the client leaves: whether it runs must be known to the shim.
    task.call((client) => client.start({ id: task.id, execId }, lasting(task, context)), execId),
  );
  return { pid };
}

/** Adds an exec process; `startProcess` starts it. */
export async function execProcess(
  parts: TaskParts,
  request: ExecProcessRequest,
  context: CallContext,
): Promise<void> {
  const { containerId, execId, stdin, stdout, stderr, terminal, spec } = request;
  if (execId === "") throw refuse("invalid_argument", "exec id cannot be empty");
  checkIdentifier(execId, `invalid exec id ${execId}`);
  const task = taskOf(parts, containerId, context);
  const exec = { id: task.id, execId, stdin, stdout, stderr, terminal };
  await framed("tasks.exec", () =>
    task.call((client) => {
      const asked = client.exec(spec ? { ...exec, spec } : exec, lasting(task, context));
      // Whoever is told that it failed will not ask for it again: it must not stay.
      const forget = () => client.delete({ id: task.id, execId }, lasting(task, context));
      return answerOfShim(task.link.address.path, asked, forget);
    }, execId),
  );
}

/** Changes a running container's limits. */
export async function updateTask(
  parts: TaskParts,
  { containerId, resources, annotations }: UpdateTaskRequest,
  context: CallContext,
): Promise<void> {
  const task = taskOf(parts, containerId, context);
  const update = { id: task.id, annotations };
  await framed("tasks.update", () =>
    task.call((client) =>
      client.update(resources ? { ...update, resources } : update, shimContext(task, context)),
    ),
  );
}

function lasting(task: Task, { trace }: CallContext): CallContext {
  return trace ? { namespace: task.namespace, trace } : { namespace: task.namespace };
}
