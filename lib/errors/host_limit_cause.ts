import { listFolder, readTextIfAny } from "../linux/file.ts";
import type { Evidence } from "./frame.ts";

/** What proves a limit, and the catalogue's words for it; no words where nothing is proved. */
export interface LimitCause {
  evidence: Evidence[];
  words: { causeId?: string; cause?: string; fix?: string };
}

/** Process ids below it are given out once, while the host starts (kernel/pid.c). */
const RESERVED_PIDS = 300;
/** Used up but for a hundredth: others end and start while we look. */
const FULL_PART = 0.99;

/** A fork was refused (EAGAIN) and no cgroup is full: what the host as a whole allows. */
export function hostLimitCause(): LimitCause {
  const total = Number((readTextIfAny("/proc/loadavg") ?? "").match(/\/(\d+) /)?.[1]);
  const threadsMax = Number(readTextIfAny("/proc/sys/kernel/threads-max"));
  const pidMax = Number(readTextIfAny("/proc/sys/kernel/pid_max"));
  const evidence: Evidence[] = [
    { kind: "rlimit", value: `${total} threads of threads-max ${threadsMax}, pid_max ${pidMax}` },
  ];
  if (total >= threadsMax * FULL_PART) {
    return {
      evidence,
      words: {
        causeId: "threads-max",
        cause: `the host has ${total} threads, its kernel.threads-max is ${threadsMax}`,
        fix: "raise kernel.threads-max, or find what leaks threads",
      },
    };
  }
  if (total >= usableIds(pidMax) * FULL_PART) {
    return {
      evidence,
      words: {
        causeId: "pid-max",
        cause: `the host has ${total} threads, its kernel.pid_max is ${pidMax}`,
        fix: "raise kernel.pid_max, or find what leaks processes",
      },
    };
  }
  return { evidence, words: {} };
}

/** How many tasks can have an id: of the lowest only those that still hold theirs. */
function usableIds(pidMax: number): number {
  try {
    const low = listFolder("/proc").filter(({ name }) => Number(name) < RESERVED_PIDS).length;
    return pidMax - RESERVED_PIDS + low;
  } catch {
    // No descriptor is left to look with.
    return pidMax;
  }
}
