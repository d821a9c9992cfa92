import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerStore } from "../metadata/container_store.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import type { ShimSupervisor } from "../runtime/shim_supervisor.ts";
import type { Task, TaskExit } from "../runtime/task.ts";

export interface TaskParts {
  containers: ContainerStore;
  supervisor: ShimSupervisor;
}

/** The running task of a container. Throws "not_found" for an unknown container or one without. */
export function taskOf(parts: TaskParts, id: string, context: CallContext): Task {
  const namespace = namespaceOf(context);
  const task = parts.supervisor.tasks.get(namespace, id);
  if (task) return task;
  // An unknown container is told apart from one that does not run.
  parts.containers.get(namespace, id);
  throw noTask(id);
}

/** The end of a task that died while no daemon watched. */
export function buriedExit(
  { supervisor }: TaskParts,
  id: string,
  context: CallContext,
): TaskExit | undefined {
  return supervisor.tasks.buried(namespaceOf(context), id);
}

/** The refusal for a container that does not run, in containerd's words. */
export function noTask(id: string) {
  return failure({
    layer: "containerd",
    op: "tasks.find",
    code: "not_found",
    message: `task ${id} not found`,
  });
}

/** What goes on to the shim with a call. */
export function shimContext(task: Task, context: CallContext): CallContext {
  const out: CallContext = { namespace: task.namespace };
  if (context.trace) out.trace = context.trace;
  if (context.signal) out.signal = context.signal;
  if (context.timeoutMs !== undefined) out.timeoutMs = context.timeoutMs;
  return out;
}

/** Runs a call to the shim; a failure gains our frame, which adds `message` to the words. */
export async function framed<T>(op: string, work: () => Promise<T>, message = ""): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const inner = toChainError(error, "containerd", op);
    throw inner.wrap({ layer: "containerd", op, code: inner.outer.code, message });
  }
}
