import { TaskDeleteSchema, TaskExitSchema } from "#gen/wire/containerd-api/proto/events/task_pb.ts";
import { ChainError, failure } from "#lib/errors/chain_error.ts";
import { refusedByHost } from "#lib/errors/spawn_cause.ts";
import type { Log } from "#lib/log/log.ts";
import { currentTimestamp } from "#lib/rpc/timestamp.ts";
import type { EventBus } from "../events/event_bus.ts";
import { type Bundle, deleteBundle } from "./bundle.ts";
import { isOurs } from "./runtime_path.ts";
import { type DaemonAddresses, deleteThroughShim } from "./shim_command.ts";
import { ShimLink } from "./shim_link.ts";
import type { ShimLogs } from "./shim_log.ts";
import type { ShimSupervisor } from "./shim_supervisor.ts";
import type { Task, TaskExit } from "./task.ts";

/** Told when nobody knows how a container ended. */
const UNKNOWN_EXIT_STATUS = 255;
const LOOK_MS = 5_000;
const RETRY_PAUSE_MS = 2_000;
/** Five minutes; after that a host is taken for one that stays as it is. */
const MAX_TRIES = 150;

export interface LostShimParts {
  supervisor: ShimSupervisor;
  addresses: DaemonAddresses;
  events: EventBus;
  logs: ShimLogs;
  log: Log;
}

/**
 * Deals with the tasks of a shim that is gone. A shim of ours is started again and finds its
 * keepers: containers run on. What it does not find, and all tasks of a foreign shim, are cleaned
 * up, and everybody is told how they ended. A host that has no process or thread left for a shim
 * says nothing of its containers: it is tried again then, and calls fail meanwhile with the reason.
 */
export async function reviveTasks(parts: LostShimParts, tasks: readonly Task[]): Promise<void> {
  for (let tries = 1; ; tries++) {
    const work = reviveAll(parts, tasks, tries < MAX_TRIES);
    for (const task of tasks) task.revive(work);
    if ((await work) === "done") return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS).unref());
  }
}

async function reviveAll(
  parts: LostShimParts,
  tasks: readonly Task[],
  mayWait: boolean,
): Promise<"done" | "refused"> {
  // Those that an earlier try has attached are lost again, if at all, by themselves.
  const lost = tasks.filter((task) => !task.deleting && !task.link.alive);
  const link = await restartShim(parts, lost);
  const refuse = (error: ChainError) => {
    for (const task of lost) task.refused = error;
    return "refused" as const;
  };
  if (link instanceof ChainError && mayWait) return refuse(link);
  for (const task of lost) {
    if (task.deleting) continue;
    if (link instanceof ShimLink) {
      if (await serves(link, task)) {
        task.attach(link);
        parts.supervisor.share(task);
        continue;
      }
      // It died at once: a thread that it could not start says nothing of its containers.
      const refused = link.alive ? undefined : refusedByHost(shimDied(task));
      if (refused && mayWait) return refuse(refused);
    }
    task.deleting = true;
    task.exit = await cleanUpDead(parts, task.bundle, task.binary);
    task.detach();
    parts.supervisor.tasks.remove(task);
  }
  return "done";
}

/** Returns an error where the host has nothing left to start a shim with. */
async function restartShim(
  { supervisor, log }: LostShimParts,
  tasks: readonly Task[],
): Promise<ShimLink | ChainError | undefined> {
  const [first] = tasks;
  if (!first || !isOurs(first.binary)) return undefined;
  const { bundle, binary } = first;
  log.warn("shim lost, starting it again", { namespace: bundle.namespace, tasks: tasks.length });
  try {
    return await supervisor.startIn(bundle, binary, { runtimeOptions: undefined, context: {} });
  } catch (error) {
    log.error("start lost shim again", { namespace: bundle.namespace, error: String(error) });
    return refusedByHost(error);
  }
}

function shimDied({ id, namespace }: Task) {
  return failure({
    layer: "containerd",
    op: "shim.start",
    code: "unavailable",
    message: `the shim of ${namespace}/${id} ended as soon as it was started`,
  });
}

async function serves(link: ShimLink, task: Task): Promise<boolean> {
  try {
    await link.client.state({ id: task.id }, { namespace: task.namespace, timeoutMs: LOOK_MS });
    return true;
  } catch {
    return false;
  }
}

/**
 * Cleans up after a shim that will not come back: runs its `delete`, removes the bundle, publishes
 * how the container ended. Returns that; a status of 255 stands for not known.
 */
export async function cleanUpDead(
  parts: LostShimParts,
  bundle: Bundle,
  binary: string,
): Promise<TaskExit> {
  const { id, namespace } = bundle;
  const { events, log, logs } = parts;
  log.warn("cleaning up after shim disconnected", { namespace, id });
  let exit: TaskExit = { pid: 0, exitStatus: UNKNOWN_EXIT_STATUS, exitedAt: currentTimestamp() };
  try {
    const response = await deleteThroughShim(binary, bundle, parts.addresses);
    const { pid, exitStatus, exitedAt = currentTimestamp() } = response;
    exit = { pid, exitStatus, exitedAt };
  } catch (error) {
    log.error("clean up after dead shim", { namespace, id, error: String(error) });
  }
  logs.close(bundle);
  try {
    deleteBundle(bundle);
  } catch (error) {
    log.error("delete bundle", { bundle: bundle.path, error: String(error) });
  }
  events.publish(namespace, "/tasks/exit", TaskExitSchema, { containerId: id, id, ...exit });
  events.publish(namespace, "/tasks/delete", TaskDeleteSchema, { containerId: id, ...exit });
  return exit;
}
