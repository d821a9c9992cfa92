import { readTextIfAny } from "../linux/file.ts";
import type { Evidence } from "./frame.ts";

/** What proves a limit, and the catalogue's words for it; no words where nothing is proved. */
export interface LimitCause {
  evidence: Evidence[];
  words: { causeId?: string; cause?: string; fix?: string };
}

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
  if (total >= pidMax * FULL_PART) {
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
