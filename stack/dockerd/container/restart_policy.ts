import type { Container } from "./container.ts";

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 60_000;
/** A run this long counts as a success: the delay starts over. */
const GOOD_RUN_MS = 10_000;

const delays = new WeakMap<Container, number>();

/**
 * How long to wait before a container that ended is started again; undefined when it is not to be.
 * The delay doubles with each short run.
 */
export function restartDelayMs(
  container: Container,
  exitCode: number,
  ranMs: number,
): number | undefined {
  if (container.stopRequested || container.removing) return undefined;
  if (!wantsRestart(container, exitCode)) return undefined;
  const last = ranMs >= GOOD_RUN_MS ? undefined : delays.get(container);
  const delay = last === undefined ? FIRST_DELAY_MS : Math.min(last * 2, LONGEST_DELAY_MS);
  delays.set(container, delay);
  return delay;
}

function wantsRestart(container: Container, exitCode: number): boolean {
  const { hostConfig, restartCount, stoppedByUser } = container.record;
  const { Name, MaximumRetryCount } = hostConfig.RestartPolicy ?? {};
  switch (Name) {
    case "always":
      return true;
    case "unless-stopped":
      return !stoppedByUser;
    case "on-failure":
      return exitCode !== 0 && (!MaximumRetryCount || restartCount < MaximumRetryCount);
    default:
      return false;
  }
}

/** Whether a stopped container is started when the daemon comes up. */
export function startsWithDaemon(container: Container): boolean {
  const { state, stoppedByUser, hostConfig } = container.record;
  if (state.startedAt.startsWith("0001")) return false;
  if (hostConfig.RestartPolicy?.Name === "on-failure" && stoppedByUser) return false;
  return wantsRestart(container, state.exitCode);
}
