import { readTextIfAny } from "#lib/linux/file.ts";
import type { Plan } from "#wire/init-pipe/operation.ts";
import type { InitReport } from "#wire/init-pipe/report.ts";

const PF_FORKNOEXEC = 0x40;

/** How a launch ended: the program runs, an operation failed, or init died. */
export type LaunchResult =
  | { kind: "running"; pid: number }
  | { kind: "failed"; index: number }
  /** Died in the operation at `index` without saying why. */
  | { kind: "died"; index: number };

/**
 * Judges the end of the init pipe. Every process of init is gone or has called execve by then, and
 * the report says how far each came.
 */
export function judgeLaunch(plan: Plan, report: InitReport): LaunchResult {
  if (report.failed !== undefined) return { kind: "failed", index: report.failed };
  const { grandchild } = report.pids;
  const handedOver = plan.operations.findIndex(({ op }) => op === "hand-over");
  if (handedOver >= 0) {
    // Closing the pipe is what we saw: init may not have noted yet that it is done.
    const { state } = report.records[handedOver]!;
    const running = state === "started" || state === "done";
    return running ? { kind: "running", pid: grandchild } : { kind: "died", index: report.current };
  }
  const execve = plan.operations.length - 1;
  if (report.records[execve]?.state !== "started") return { kind: "died", index: report.current };
  return forkedOnly(grandchild)
    ? { kind: "died", index: execve }
    : { kind: "running", pid: grandchild };
}

/**
 * Whether a process is there and never called execve. One that is gone was reaped: its parent saw
 * its end, so it may well have run.
 */
export function forkedOnly(pid: number): boolean {
  const text = readTextIfAny(`/proc/${pid}/stat`);
  if (text === undefined) return false;
  const flags = Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[6]);
  return (flags & PF_FORKNOEXEC) !== 0;
}
