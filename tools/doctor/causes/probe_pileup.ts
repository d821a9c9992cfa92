import type { Facts } from "../facts.ts";
import type { CauseRule } from "./cause.ts";
import { tightestPids } from "./words.ts";

const MANY = 10;

/**
 * Processes that came in by exec and did not end, by name: their parent (shim or keeper) is outside
 * the container. The first process is no exec.
 */
export function pendingExecs(facts: Facts): { comm: string; pids: number[] }[] {
  const members = new Set(facts.cgroup?.processes.map((process) => process.pid));
  const byName = new Map<string, number[]>();
  for (const { pid, ppid, comm, state } of facts.cgroup?.processes ?? []) {
    if (members.has(ppid) || pid === facts.init?.pid || state === "Z") continue;
    byName.set(comm, [...(byName.get(comm) ?? []), pid]);
  }
  const all = [...byName].map(([comm, pids]) => ({ comm, pids }));
  return all.sort((left, right) => right.pids.length - left.pids.length);
}

export const probePileup: CauseRule = {
  id: "probe-pileup",
  title: "execs that never ended pile up in the container",
  link: "kubelet",
  needs: ["cgroup", "init"],
  proves(facts) {
    const [most] = pendingExecs(facts);
    const level = tightestPids(facts.cgroup?.pids ?? []);
    if (!most || most.pids.length < MANY || !level) return undefined;
    if (most.pids.length * 2 < level.max) return undefined;
    const count = `${most.pids.length} of its ${level.max} pids`;
    return {
      confidence: "likely",
      sentence: `execs of ${most.comm} that never ended hold ${count}, as timed-out probes do`,
      evidence: most.pids.slice(0, MANY).map((pid) => ({
        kind: "path" as const,
        value: `${most.comm}, started by an exec`,
        ref: `/proc/${pid}/stat`,
      })),
      fix: [
        `kill ${most.pids.slice(0, MANY).join(" ")}`,
        "# and give the probe's command a time-out of its own (timeout 5 …)",
      ],
      verify: [`cat ${facts.cgroup?.pids[0]?.folder ?? ""}/cgroup.procs | wc -l`],
      marks: { container: "fails" },
    };
  },
  refutes(facts) {
    if (!facts.cgroup || facts.cgroup.processes.length === 0) return undefined;
    const [most] = pendingExecs(facts);
    return (most?.pids.length ?? 0) < MANY ? "no pile of unended execs in it" : undefined;
  },
};
