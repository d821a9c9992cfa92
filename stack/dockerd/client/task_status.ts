import { existsSync } from "node:fs";
import { type Process, Status } from "#gen/wire/containerd-api/proto/types/task_pb.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";

/** How long a shim may leave containerd without an answer: on a busy machine it comes late. */
const PATIENCE_MS = 60_000;
const STEP_MS = 500;

/** A task that runs, or is frozen. */
export const isAlive = (task: Process | undefined): boolean =>
  task?.status === Status.RUNNING || task?.status === Status.PAUSED;

/** Containerd knows of the task, and not how it is: its shim has not answered in time. */
export const isUncertain = (task: Process | undefined): boolean =>
  task?.status === Status.UNKNOWN || task?.status === Status.PAUSING;

/**
 * Asks again for a task whose state is not certain: nobody must take a container for ended because
 * its shim is slow. When the patience ends, its process decides.
 */
export async function certainTask(
  daemon: Pick<Daemon, "services" | "call" | "closing">,
  { id, record }: Container,
  task: Process | undefined,
): Promise<Process | undefined> {
  const deadline = Date.now() + PATIENCE_MS;
  let last = task;
  while (isUncertain(last) && Date.now() < deadline && !daemon.closing.signal.aborted) {
    await Bun.sleep(STEP_MS);
    const ids = { containerId: id, execId: "" };
    const { process } = await daemon.services.tasks
      .get(ids, daemon.call())
      .catch(() => ({ process: last }));
    last = process ?? last;
  }
  if (!last || !isUncertain(last)) return last;
  const pid = last.pid || record.state.pid;
  const runs = pid > 0 && existsSync(`/proc/${pid}`);
  return { ...last, pid, status: runs ? Status.RUNNING : Status.STOPPED };
}
