import { ChainError, toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { endsWithin } from "#lib/wait/work_within.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { broken, conflict } from "../refusals.ts";
import { parseSignal, SIGKILL, SIGTERM } from "../signals.ts";
import { nowText } from "../wall_clock.ts";
import { startLocked } from "./container_start.ts";

const DEFAULT_TIMEOUT_S = 10;
/**
 * How long a killed process may take to be reported: longer means a stuck kernel or a dead shim.
 */
const KILL_WAIT_MS = 10_000;

export interface StopOptions {
  timeout?: number;
  signal?: string;
}

/** POST /containers/ID/stop. False: it was stopped already. */
export async function containerStop(
  daemon: Daemon,
  ref: string,
  options: StopOptions,
  context: CallContext,
): Promise<boolean> {
  const container = daemon.find(ref);
  if (!container.record.state.running) return false;
  container.record.stoppedByUser = true;
  await stopRun(daemon, container, options, context);
  daemon.events.container(container, "stop");
  return true;
}

async function stopRun(
  daemon: Daemon,
  container: Container,
  options: StopOptions,
  context: CallContext,
): Promise<void> {
  const { config, state } = container.record;
  const signal = parseSignal(options.signal || config.StopSignal || "SIGTERM");
  const timeout = options.timeout ?? config.StopTimeout ?? DEFAULT_TIMEOUT_S;
  if (await endRestarting(daemon, container)) return;
  container.stopRequested = true;
  const ended = container.nextExit();
  daemon.events.container(container, "kill", { signal: String(signal) });
  await sendSignal(daemon, container, signal, context);
  // A frozen process cannot act on a signal.
  if (state.paused) await resume(daemon, container);
  const inTime = await within(ended, timeout < 0 ? undefined : timeout * 1000);
  if (!inTime) await killAndWait(daemon, container, ended);
  await settled(container);
}

/**
 * Ends the waiting between two runs: the container is stopped then. False: it runs, also when it
 * was started by the time that its lock was free.
 */
async function endRestarting(daemon: Daemon, container: Container): Promise<boolean> {
  const { state } = container.record;
  if (!state.restarting) return !state.running;
  return container.lock.run(async () => {
    if (!state.restarting) return !state.running;
    daemon.clearTimer(`restart ${container.id}`);
    Object.assign(state, { running: false, restarting: false });
    container.save();
    container.announceExit();
    return true;
  });
}

/** Resolves when the end of the run has been dealt with. */
const settled = (container: Container) => container.lock.run(async () => undefined);

async function within(work: Promise<unknown>, ms: number | undefined): Promise<boolean> {
  if (ms === undefined) {
    await work;
    return true;
  }
  return endsWithin(work, ms);
}

/** Kills the container's process and waits until its end was dealt with. */
export async function killAndWait(
  daemon: Daemon,
  container: Container,
  ended = container.nextExit(),
): Promise<void> {
  if (await endRestarting(daemon, container)) return;
  container.stopRequested = true;
  daemon.events.container(container, "kill", { signal: String(SIGKILL) });
  await sendSignal(daemon, container, SIGKILL, {});
  if (container.record.state.paused) await resume(daemon, container);
  if (!(await within(ended, KILL_WAIT_MS))) {
    throw broken(
      "kill container",
      `tried to kill container, but did not receive an exit event: ${container.id}`,
      [
        {
          kind: "path",
          value: "the process that does not end",
          ref: `/proc/${container.record.state.pid}`,
        },
      ],
    );
  }
  await settled(container);
}

/** Signals the container's process. One that has just ended is no error: its end is under way. */
async function sendSignal(
  daemon: Daemon,
  container: Container,
  signal: number,
  context: CallContext,
): Promise<void> {
  try {
    await daemon.services.tasks.kill(
      { containerId: container.id, execId: "", signal, all: false },
      daemon.call(context),
    );
  } catch (error) {
    if (error instanceof ChainError && error.outer.code === "not_found") return;
    throw error;
  }
}

async function resume(daemon: Daemon, container: Container): Promise<void> {
  await daemon.services.tasks.resume({ containerId: container.id }, daemon.call());
  container.record.state.paused = false;
}

/** The running container of that name. Refusals say what was to be done with it. */
function toBeKilled(daemon: Daemon, ref: string, op: string): Container {
  try {
    const container = daemon.find(ref);
    const { running, restarting } = container.record.state;
    if (running && !restarting) return container;
    throw conflict(op, `container ${container.id} is not running`);
  } catch (thrown) {
    const error = toChainError(thrown, "dockerd", op);
    const { code } = error.outer;
    throw error.wrap({ layer: "dockerd", op, code, message: `cannot kill container: ${ref}` });
  }
}

/** POST /containers/ID/kill */
export async function containerKill(
  daemon: Daemon,
  ref: string,
  signalText: string,
  context: CallContext,
): Promise<void> {
  const op = "kill container";
  const signal = signalText === "" ? SIGKILL : parseSignal(signalText);
  const container = toBeKilled(daemon, ref, op);
  const { state, config } = container.record;
  const stopSignal = parseSignal(config.StopSignal || "SIGTERM");
  // Signals that end a container end its restarting too.
  if (signal === SIGKILL || signal === SIGTERM || signal === stopSignal) {
    container.record.stoppedByUser = true;
    container.stopRequested = true;
  }
  if (signal !== SIGKILL) {
    await sendSignal(daemon, container, signal, context);
    daemon.events.container(container, "kill", { signal: String(signal) });
    if (state.paused && signal === SIGTERM) await resume(daemon, container);
    return;
  }
  await killAndWait(daemon, container);
}

/** POST /containers/ID/restart */
export async function containerRestart(
  daemon: Daemon,
  ref: string,
  options: StopOptions,
  context: CallContext,
): Promise<void> {
  const container = daemon.find(ref);
  // --rm must not remove what is about to be started again.
  const { hostConfig } = container.record;
  const autoRemove = hostConfig.AutoRemove;
  hostConfig.AutoRemove = false;
  try {
    if (container.record.state.running) await stopRun(daemon, container, options, context);
  } finally {
    if (autoRemove !== undefined) hostConfig.AutoRemove = autoRemove;
  }
  await container.lock.run(async () => {
    if (container.record.state.running) return;
    await startLocked(daemon, container, context);
  });
  container.record.state.finishedAt ||= nowText();
  daemon.events.container(container, "restart");
}
