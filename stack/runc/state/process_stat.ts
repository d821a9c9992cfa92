import { readTextIfAny } from "#lib/linux/file.ts";

export interface ProcessStat {
  /** R, S, D, Z, X, … */
  state: string;
  /** Clock ticks after boot. */
  startTime: number;
  /** Whether it has not called execve since it was forked (PF_FORKNOEXEC). */
  forkedOnly: boolean;
}

const PF_FORKNOEXEC = 0x40;

/** Reads /proc/PID/stat. Undefined when there is no such process. */
export function processStat(pid: number): ProcessStat | undefined {
  const text = pid > 0 ? readTextIfAny(`/proc/${pid}/stat`) : undefined;
  if (text === undefined) return undefined;
  // The command's name may hold anything, parentheses too: fields count from the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0]!,
    startTime: Number(fields[19]),
    forkedOnly: (Number(fields[6]) & PF_FORKNOEXEC) !== 0,
  };
}
