import type { CauseRule } from "./cause.ts";

export const dState: CauseRule = {
  id: "d-state",
  title: "processes of the container sleep where no signal reaches them",
  link: "kernel",
  needs: ["cgroup"],
  proves(facts) {
    const stuck = facts.cgroup?.processes.filter((process) => process.state === "D") ?? [];
    if (facts.cgroup?.frozen || stuck.length === 0) return undefined;
    // A short wait for a disk looks the same: only with a failed probe or a stuck init is it one.
    const hung = facts.probes.some((probe) => probe.attempts.some((one) => one.timedOut));
    const init = stuck.some((process) => process.pid === facts.init?.pid);
    if (!hung && !init) return undefined;
    const first = stuck[0]!;
    return {
      confidence: "likely",
      sentence:
        `${stuck.length} processes are in D state, process ${first.pid} (${first.comm}) ` +
        "first: storage or a driver does not answer",
      evidence: stuck.slice(0, 8).map((process) => ({
        kind: "path" as const,
        value: `${process.comm} in state D`,
        ref: `/proc/${process.pid}/stack`,
      })),
      fix: [`cat /proc/${first.pid}/stack  # names the driver or file system`],
      verify: [`grep State /proc/${first.pid}/status`],
      marks: { container: "hangs" },
    };
  },
  refutes(facts) {
    if (!facts.cgroup || facts.cgroup.processes.length === 0) return undefined;
    return facts.cgroup.processes.every((process) => process.state !== "D")
      ? "no process of the container is in D state"
      : undefined;
  },
};
