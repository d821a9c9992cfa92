import { nativeAddon } from "./native_addon.ts";

interface ForegroundCalls {
  foregroundPrepare(subreaper: number): void;
  foregroundTerminal(): void;
  foregroundWait(pid: number, master: number, notify: number, host: string | null): number;
  clearOutputNewline(fd: number): void;
}

const calls = () => nativeAddon<ForegroundCalls>();

/**
 * Catches signals from now on, to be passed to the process that `foregroundWait` waits for. With
 * `subreaper`, orphans of that process come to us.
 */
export const foregroundPrepare = (subreaper: boolean) =>
  calls().foregroundPrepare(subreaper ? 1 : 0);

/** Throws a system error when none of our streams is a terminal and we have no controlling one. */
export const requireTerminal = () => calls().foregroundTerminal();

/**
 * Blocks until a child ends, passing signals to it, and relaying our terminal to and from `master`
 * when that is given; `notify` is a notification socket whose READY is passed on to `host`. Returns
 * the child's exit code, 128 + signal when a signal ended it.
 */
export const foregroundWait = (
  pid: number,
  master = -1,
  notify: { fd: number; host: string } | undefined = undefined,
) => calls().foregroundWait(pid, master, notify?.fd ?? -1, notify?.host ?? null);

/** Switches off the output mapping of newline on a container's terminal. */
export const clearOutputNewline = (fd: number) => calls().clearOutputNewline(fd);
