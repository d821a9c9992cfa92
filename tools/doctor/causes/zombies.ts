import type { CauseRule } from "./cause.ts";

const MIN_ZOMBIES = 10;

export const zombies: CauseRule = {
  id: "zombies",
  title: "zombies fill the container: its first process does not reap",
  link: "app",
  needs: ["cgroup", "init"],
  proves(facts) {
    const dead = facts.cgroup?.processes.filter((process) => process.state === "Z") ?? [];
    const limit = facts.cgroup?.pids[0]?.max ?? Number.POSITIVE_INFINITY;
    const many = dead.length >= MIN_ZOMBIES && dead.length * 2 >= Math.min(limit, 64);
    if (!facts.init?.alive || !many) return undefined;
    const unreaped = dead.filter((process) => process.ppid === facts.init?.pid).length;
    return {
      confidence: unreaped * 2 >= dead.length ? "certain" : "likely",
      sentence:
        `${dead.length} zombies hold pids in the container; ${unreaped} ` +
        "wait for its first process",
      evidence: [
        {
          kind: "path",
          value: `${dead.length} processes in state Z, PPid ${facts.init.pid}`,
          ref: `${facts.cgroup?.pids[0]?.folder ?? ""}/cgroup.procs`,
        },
      ],
      fix: ["# run it with --init (docker run --init), or let its first process call wait()"],
      verify: [`ps -o stat= --ppid ${facts.init.pid} | grep -c Z`],
    };
  },
  refutes(facts) {
    if (!facts.cgroup || facts.cgroup.processes.length === 0) return undefined;
    const dead = facts.cgroup.processes.filter((process) => process.state === "Z").length;
    return dead < MIN_ZOMBIES ? `${dead} zombies in the container` : undefined;
  },
};
