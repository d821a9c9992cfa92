import type { StateRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { TaskStatus } from "#wire/task-ttrpc/task_service.ts";
import { timestampFromNs } from "../events/timestamp.ts";
import type { Container, ExecProcess, InitProcess } from "../process/container.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";

const STATUS = {
  created: TaskStatus.CREATED,
  running: TaskStatus.RUNNING,
  paused: TaskStatus.PAUSED,
  stopped: TaskStatus.STOPPED,
  deleted: TaskStatus.STOPPED,
} as const;

/** What is known of a process. A paused container's execs are paused with it. */
export async function stateOfTask(shim: ShimContext, request: StateRequest) {
  const container = containerOf(shim, request.id, "state");
  const process = container.process(request.execId, "state");
  const { stdin, stdout, stderr, terminal } = process.stdio;
  return {
    id: process.execId === "" ? container.id : process.execId,
    bundle: container.bundle,
    pid: process.pid,
    status: statusOf(container, process),
    stdin,
    stdout,
    stderr,
    terminal,
    exitStatus: process.exit?.status ?? 0,
    exitedAt: timestampFromNs(process.exit?.atNs ?? 0n),
  };
}

function statusOf(container: Container, process: InitProcess | ExecProcess): TaskStatus {
  if (container.pausing) return TaskStatus.PAUSING;
  if (container.init.state === "paused") return TaskStatus.PAUSED;
  return STATUS[process.state];
}
