import type { CauseRule } from "./cause.ts";
import { HOST_RESERVE } from "./host_reserve.ts";

export const threadsMax: CauseRule = {
  id: "threads-max",
  title: "the host has no threads left",
  link: "kernel",
  needs: ["host"],
  proves({ host }) {
    const { threads, threadsMax: max } = host;
    if (threads === undefined || max === undefined || threads < max - HOST_RESERVE)
      return undefined;
    return {
      confidence: "certain",
      sentence: `the host runs ${threads} threads of kernel.threads-max ${max}`,
      evidence: [
        { kind: "path", value: `${threads} threads`, ref: "/proc/loadavg" },
        { kind: "path", value: `${max}`, ref: "/proc/sys/kernel/threads-max" },
      ],
      fix: [
        `sysctl -w kernel.threads-max=${max * 2}`,
        "# and find who leaks: ps -eo nlwp,pid,comm --sort -nlwp | head",
      ],
      verify: ["cat /proc/loadavg /proc/sys/kernel/threads-max"],
      marks: { container: "fails" },
    };
  },
  refutes({ host }) {
    const { threads, threadsMax: max } = host;
    if (threads === undefined || max === undefined || threads > max * 0.95) return undefined;
    return `${threads} threads on the host of kernel.threads-max ${max}`;
  },
};
