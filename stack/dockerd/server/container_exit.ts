import { ChainError } from "#lib/errors/chain_error.ts";
import type { Container } from "../container/container.ts";
import { restartDelayMs } from "../container/restart_policy.ts";
import type { Daemon } from "../daemon.ts";
import type { ExecProcess } from "../exec/exec_process.ts";
import { tellMemoryKill } from "../exec/memory_kill.ts";
import { stopHealth } from "../health/health_probe.ts";
import type { ProcessIo } from "../io/process_io.ts";
import { closeSandbox } from "../network/sandbox.ts";
import { releaseSharedMemory } from "../rootfs/shared_memory.ts";
import { formatNs, nowText } from "../wall_clock.ts";
import { removeLocked } from "./container_remove.ts";
import { startLocked } from "./container_start.ts";

export interface ProcessExit {
  exitCode: number;
  /** Nanoseconds since 1970; undefined when it is not known. */
  exitedAtNs: bigint | undefined;
  pid: number;
}

/** A container's own process has ended: tell everyone, clean up, and restart it if it should be. */
export async function containerExited(
  daemon: Daemon,
  container: Container,
  exit: ProcessExit,
): Promise<void> {
  await container.lock.run(async () => {
    const { state } = container.record;
    // An event of an earlier run, or one that a restart of the daemon has told already.
    if (!state.running || state.restarting || (exit.pid !== 0 && exit.pid !== state.pid)) return;
    stopHealth(daemon, container);
    await finishStreams(container);
    const ranMs = Date.now() - Date.parse(state.startedAt);
    const delayMs = restartDelayMs(container, exit.exitCode, ranMs);
    const restarts = delayMs !== undefined && !daemon.closing.signal.aborted;
    Object.assign(state, {
      running: restarts,
      restarting: restarts,
      paused: false,
      pid: 0,
      exitCode: exit.exitCode,
      finishedAt: exit.exitedAtNs === undefined ? nowText() : formatNs(exit.exitedAtNs),
    });
    const autoRemove = container.record.hostConfig.AutoRemove === true && !restarts;
    if (!autoRemove) container.save();
    daemon.events.container(container, "die", { exitCode: String(exit.exitCode) });
    container.announceExit();
    await cleanUpRun(daemon, container);
    if (!autoRemove) container.save();
    if (autoRemove) await removeLocked(daemon, container, { volumes: true });
    else if (restarts) scheduleRestart(daemon, container, delayMs);
  });
}

/** Reads the rest of the output, then tells attached clients and followers of the log. */
async function finishStreams(container: Container): Promise<void> {
  const io = container.task?.io;
  if (io) {
    await io.drained();
    io.close();
  }
  container.log?.close();
  container.log = undefined;
  container.hub.end();
  container.task = undefined;
}

/** Takes down what a run had: task, containerd's record, mounted root. Failures are logged only. */
export async function cleanUpRun(daemon: Daemon, container: Container): Promise<void> {
  const { id } = container;
  const call = daemon.call();
  const step = async (name: string, work: () => unknown) => {
    try {
      await work();
    } catch (error) {
      if (error instanceof ChainError && error.outer.code === "not_found") return;
      const message = error instanceof Error ? error.message : String(error);
      daemon.log.warn("clean-up failed", { container: id, step: name, error: message });
    }
  };
  await step("delete task", () => daemon.services.tasks.delete({ containerId: id }, call));
  await step("delete container", () => daemon.services.containers.delete({ id }, call));
  await step("unmount rootfs", () => daemon.mounts.unmount(id));
  await step("take down network", () => closeSandbox(daemon, container));
  daemon.events.volumes(container, "unmount");
  await step("unmount shared memory", () => releaseSharedMemory(container));
  for (const exec of container.execs.values()) endExec(daemon, container, exec, 137)?.close();
}

function scheduleRestart(daemon: Daemon, container: Container, delayMs: number): void {
  daemon.setTimer(`restart ${container.id}`, delayMs, () =>
    container.lock.run(async () => {
      const { state } = container.record;
      if (!state.restarting || container.removing) return;
      container.record.restartCount++;
      try {
        await startLocked(daemon, container, {});
      } catch (error) {
        daemon.log.error("restart failed", { container: container.id, error: String(error) });
      }
    }),
  );
}

/** How long the client of an exec has the daemon to itself: its next request is an inspection. */
const TIDY_MS = 20;

/**
 * An exec has ended: its exit code first, then the end of its streams, and a while later, when
 * nobody waits for it, containerd's record.
 */
export async function execExited(
  daemon: Daemon,
  container: Container,
  exec: ExecProcess,
  exitCode: number,
): Promise<void> {
  await exec.io?.drained();
  await tellMemoryKill(daemon, container, exec, exitCode);
  const io = endExec(daemon, container, exec, exitCode);
  const ids = { containerId: container.id, execId: exec.request.id };
  const tidy = async () => {
    io?.close();
    await daemon.services.tasks.deleteProcess(ids, daemon.call()).catch(() => undefined);
  };
  if (daemon.closing.signal.aborted) await tidy();
  else daemon.setTimer(`tidy exec ${exec.request.id}`, TIDY_MS, tidy);
}

/** Tells everyone that an exec has ended. Its streams, which nobody reads now, are the caller's. */
function endExec(
  daemon: Daemon,
  container: Container,
  exec: ExecProcess,
  exitCode: number,
): ProcessIo | undefined {
  if (exec.exitCode === undefined) {
    exec.end(exitCode);
    daemon.execs.ended(exec);
    daemon.events.container(container, "exec_die", {
      execID: exec.request.id,
      exitCode: String(exitCode),
    });
  }
  exec.hub.end();
  const { io } = exec;
  exec.io = undefined;
  container.execs.delete(exec.request.id);
  return io;
}
