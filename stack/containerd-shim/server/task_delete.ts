import { rmSync } from "node:fs";
import type { DeleteRequest } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import { type ChainError, toChainError } from "#lib/errors/chain_error.ts";
import { timestampFromNs } from "../events/timestamp.ts";
import { errnoOf } from "../keeping/keeper.ts";
import type { Container, ExecProcess, InitProcess } from "../process/container.ts";
import { execRefusal } from "../process/exec_state.ts";
import { initRefusal } from "../process/init_state.ts";
import { unmountRootfs } from "../rootfs/mount_rootfs.ts";
import { containerOf, type ShimContext } from "../shim_context.ts";
import { removeExec, stateFolder } from "../state/container_record.ts";

/** How long output that is still being copied may take, as in containerd's shim. */
const DRAIN_TIMEOUT_MS = 2_000;
/** How long a created container's init may take to die of its deletion. */
const EXIT_TIMEOUT_MS = 10_000;
/** A logger ends by itself once its streams do; then it is told to, then made to. */
const LOGGER_TIMEOUT_MS = 10_000;

/** Removes a container that has stopped (or was never started), or one of its execs. */
export async function deleteTask(shim: ShimContext, request: DeleteRequest) {
  const container = containerOf(shim, request.id, "delete");
  const process = container.process(request.execId, "delete");
  return process.queue.run(async () => {
    if (request.execId === "") await deleteInit(shim, container);
    else await deleteExec(container, process as ExecProcess);
    return deleteReply(process);
  });
}

function deleteReply(process: InitProcess | ExecProcess) {
  return {
    pid: process.pid,
    exitStatus: process.exit?.status ?? 0,
    exitedAt: timestampFromNs(process.exit?.atNs ?? 0n),
  };
}

async function deleteExec(container: Container, exec: ExecProcess): Promise<void> {
  const refusal = execRefusal(exec.state, "delete");
  if (refusal) throw refusal;
  await drained(exec);
  await forget(container, exec);
  exec.become("deleted");
  container.execs.delete(exec.execId);
  removeExec(container.bundle, exec.token);
}

async function deleteInit(shim: ShimContext, container: Container): Promise<void> {
  const { init } = container;
  const refusal = initRefusal(init.state, "delete");
  if (refusal) throw refusal;
  await drained(init);
  let error = await deletedInRuntime(container);
  // A created container's init dies of it; its exit is told before its deletion.
  await Promise.race([init.exited, Bun.sleep(EXIT_TIMEOUT_MS)]);
  await endLoggers(container);
  // It has nothing in the root: it ends while that is unmounted.
  const ending = container.keeper?.quit().catch((thrown: unknown) => {
    shim.log.warn("failed to end a keeper", { id: container.id, error: String(thrown) });
  });
  try {
    unmountRootfs(container.bundle);
  } catch (thrown) {
    const message = "failed rootfs umount";
    const frame = { layer: "shim", op: "delete", code: "unknown", message } as const;
    error ??= toChainError(thrown, "shim", "delete").wrap(frame);
  }
  await ending;
  if (error) throw error;
  init.become("deleted");
  shim.oom.remove(container);
  shim.containers.delete(container.id);
  shim.log.removeBundle(container.bundle);
  rmSync(stateFolder(container.bundle), { recursive: true, force: true });
  shim.events.deleted({
    containerId: container.id,
    id: "",
    pid: init.pid,
    exitStatus: init.exit?.status ?? 0,
    exitedNs: init.exit?.atNs ?? 0n,
  });
}

async function deletedInRuntime(container: Container): Promise<ChainError | undefined> {
  try {
    await container.runtime.delete(container.id);
    return undefined;
  } catch (thrown) {
    const error = toChainError(thrown, "shim", "delete");
    // A runtime may have removed it already (after a checkpoint, by hand): that is no failure.
    if (error.words.includes("does not exist")) return undefined;
    const message = "failed to delete task";
    return error.wrap({ layer: "shim", op: "delete", code: "unknown", message });
  }
}

async function drained(process: InitProcess | ExecProcess): Promise<void> {
  if (!process.copied || !process.exit) return;
  await Promise.race([process.drained.promise, Bun.sleep(DRAIN_TIMEOUT_MS)]);
}

async function forget(container: Container, process: InitProcess | ExecProcess): Promise<void> {
  const { keeper } = container;
  if (!keeper || keeper.lost) return;
  try {
    await keeper.forget(process.token);
  } catch (thrown) {
    // An exec that was never started is unknown to the keeper.
    if (errnoOf(thrown) !== "ENOENT" && !keeper.lost) throw thrown;
  }
}

/** A keeper that quits closes every stream; loggers have to see the end of theirs before that. */
async function endLoggers(container: Container): Promise<void> {
  if (container.loggers.length === 0) return;
  for (const process of [...container.execs.values(), container.init]) {
    await forget(container, process);
  }
  for (const logger of container.loggers.splice(0)) {
    const ended = logger.exited.then(() => true);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (await Promise.race([ended, Bun.sleep(LOGGER_TIMEOUT_MS).then(() => false)])) break;
      // Unreaped until `exited` resolves, so the pid is still the logger's.
      process.kill(logger.pid, signal);
    }
  }
}
