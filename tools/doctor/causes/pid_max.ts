import { RESERVED_PIDS } from "../evidence/collect_host.ts";
import type { HostFacts } from "../facts.ts";
import type { CauseRule } from "./cause.ts";
import { HOST_RESERVE } from "./host_reserve.ts";

/** How many tasks can have an id: the lowest are never given out again, some are still held. */
function usableIds({ pidMax: max = 0, lowPids = 0 }: HostFacts): number {
  return max - RESERVED_PIDS + lowPids;
}

export const pidMax: CauseRule = {
  id: "pid-max",
  title: "the host has no process ids left",
  link: "kernel",
  needs: ["host"],
  proves({ host }) {
    const { threads, pidMax: max } = host;
    if (threads === undefined || max === undefined || threads < usableIds(host) - HOST_RESERVE)
      return undefined;
    return {
      confidence: "certain",
      sentence: `the host runs ${threads} threads and kernel.pid_max is ${max}`,
      evidence: [
        { kind: "path", value: `${threads} threads`, ref: "/proc/loadavg" },
        { kind: "path", value: `${max}`, ref: "/proc/sys/kernel/pid_max" },
      ],
      fix: [`sysctl -w kernel.pid_max=${Math.min(max * 2, 4194304)}`],
      verify: ["cat /proc/loadavg /proc/sys/kernel/pid_max"],
      marks: { container: "fails" },
    };
  },
  refutes({ host }) {
    const { threads, pidMax: max } = host;
    if (threads === undefined || max === undefined || threads > usableIds(host) * 0.95)
      return undefined;
    return `${threads} threads on the host of kernel.pid_max ${max}`;
  },
};
