import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  GetRequest,
  MetricsResponseSchema,
  WaitRequest,
  WaitResponseSchema,
} from "#gen/wire/containerd-api/proto/tasks_pb.ts";
import { type ProcessSchema, Status } from "#gen/wire/containerd-api/proto/types/task_pb.ts";
import type { StateResponse } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { currentTimestamp } from "#lib/rpc/timestamp.ts";
import { compileFilters } from "../filter/filter_match.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import type { Task, TaskExit } from "../runtime/task.ts";
import { buriedExit, framed, noTask, shimContext, type TaskParts, taskOf } from "./task_parts.ts";

type Process = MessageInitShape<typeof ProcessSchema>;

/** A shim that does not answer within this time must not hold up a list. */
const STATE_MS = 2_000;

/** One process: the container's init, or an exec of it. */
export async function getProcess(
  parts: TaskParts,
  { containerId, execId }: GetRequest,
  context: CallContext,
): Promise<Process> {
  const buried = buriedExit(parts, containerId, context);
  if (buried && execId === "") return buriedProcess(containerId, buried);
  const task = taskOf(parts, containerId, context);
  return await framed("tasks.get", () => stateOf(task, execId, context));
}

/** The tasks of the call's namespace. One whose shim does not answer is listed as unknown. */
export async function listTasks(parts: TaskParts, context: CallContext): Promise<Process[]> {
  const tasks = parts.supervisor.tasks.ofNamespace(namespaceOf(context));
  const states = await Promise.all(
    tasks.map(async (task): Promise<Process | undefined> => {
      const { state } = task.known;
      if (state && task.link.alive) return processOf(task, "", state);
      try {
        return await stateOf(task, "", { ...context, timeoutMs: STATE_MS });
      } catch (error) {
        if (error instanceof ChainError && error.outer.code === "not_found") return undefined;
        return { id: task.id, status: Status.UNKNOWN };
      }
    }),
  );
  return states.filter((state) => state !== undefined);
}

/** Waits for the end of a process, over a restart of its shim. */
export async function waitProcess(
  parts: TaskParts,
  { containerId, execId }: WaitRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof WaitResponseSchema>> {
  const buried = buriedExit(parts, containerId, context);
  if (buried && execId === "") return buried;
  const task = taskOf(parts, containerId, context);
  try {
    const { exitStatus, exitedAt } = await framed("tasks.wait", () =>
      task.look((client) => client.wait({ id: task.id, execId }, shimContext(task, context))),
    );
    // Its event may still be on its way, and whoever waited must not see it run after that.
    if (execId === "") task.known.changed();
    return exitedAt ? { exitStatus, exitedAt } : { exitStatus };
  } catch (error) {
    // The shim died with the container: its clean-up told how that ended.
    if (task.exit && execId === "") return task.exit;
    throw error;
  }
}

/** Counters of the tasks of the call's namespace that pass the filters. */
export async function taskMetrics(
  parts: TaskParts,
  filters: readonly string[],
  context: CallContext,
): Promise<MessageInitShape<typeof MetricsResponseSchema>> {
  const passes = compileFilters(filters);
  const tasks = parts.supervisor.tasks.ofNamespace(namespaceOf(context)).filter((task) =>
    passes(([field]) => {
      if (field === "id") return task.id;
      return field === "namespace" ? task.namespace : undefined;
    }),
  );
  const limited = { ...context, timeoutMs: STATE_MS };
  const metrics = await Promise.all(
    tasks.map(async (task) => {
      try {
        const timestamp = currentTimestamp();
        const { stats } = await task.look((client) =>
          client.stats({ id: task.id }, shimContext(task, limited)),
        );
        return stats ? { timestamp, id: task.id, data: stats } : { timestamp, id: task.id };
      } catch {
        // A task that ended meanwhile has no counters.
        return undefined;
      }
    }),
  );
  return { metrics: metrics.filter((metric) => metric !== undefined) };
}

async function stateOf(task: Task, execId: string, context: CallContext): Promise<Process> {
  try {
    const look = () =>
      task.look((client) => client.state({ id: task.id, execId }, shimContext(task, context)));
    const state = execId === "" ? await task.known.ask(look) : await look();
    return processOf(task, execId, state);
  } catch (error) {
    if (task.exit) throw noTask(task.id);
    throw error;
  }
}

function processOf(task: Task, execId: string, state: StateResponse): Process {
  const { pid, status, stdin, stdout, stderr, terminal, exitStatus, exitedAt } = state;
  const process: Process = {
    id: execId === "" ? task.id : execId,
    pid,
    status,
    stdin,
    stdout,
    stderr,
    terminal,
    exitStatus,
  };
  return exitedAt ? { ...process, exitedAt } : process;
}

function buriedProcess(id: string, { pid, exitStatus, exitedAt }: TaskExit): Process {
  return { id, pid, status: Status.STOPPED, exitStatus, exitedAt };
}
