import type { CauseRule } from "./cause.ts";
import { dockerCommand, execCommand, nameOf, tightestPids } from "./words.ts";

export const rlimitNproc: CauseRule = {
  id: "rlimit-nproc",
  title: "the container's user has no processes left",
  link: "kernel",
  needs: ["init"],
  proves(facts) {
    const { init } = facts;
    if (!init?.alive || init.processLimit === undefined || init.userTasks === undefined) {
      return undefined;
    }
    if (init.userTasks < init.processLimit) return undefined;
    const { uid, userTasks, processLimit, pid } = init;
    const full = tightestPids(facts.cgroup?.pids ?? []);
    const flat = !full || full.current < full.max;
    return {
      confidence: "certain",
      sentence:
        `user ${uid} runs ${userTasks} threads on this host and may have ${processLimit}: ` +
        "RLIMIT_NPROC counts all of a user's threads, in whichever container",
      evidence: [
        { kind: "rlimit", value: `Max processes ${processLimit}`, ref: `/proc/${pid}/limits` },
        { kind: "rlimit", value: `${userTasks} threads of uid ${uid}`, ref: "/proc/*/status" },
        ...(flat
          ? [{ kind: "cgroup" as const, value: "the pids cgroup is not full: it is not the limit" }]
          : []),
      ],
      fix: [
        `prlimit --pid ${pid} --nproc=${processLimit * 4}:`,
        "# for good: a larger --ulimit nproc=, or a user of its own for each container",
      ],
      verify: [
        facts.docker
          ? `${dockerCommand(facts)} exec -u ${uid} ${nameOf(facts)} true`
          : execCommand(facts),
      ],
      marks: { container: "fails" },
    };
  },
  refutes({ init }) {
    if (!init?.alive) return undefined;
    if (init.limitExempt) return "its first process is exempt from RLIMIT_NPROC (root or capable)";
    if (init.processLimit === undefined) return undefined;
    if (!Number.isFinite(init.processLimit)) return "RLIMIT_NPROC is unlimited";
    if (init.userTasks === undefined || init.userTasks >= init.processLimit) return undefined;
    return `user ${init.uid} has ${init.userTasks} threads of RLIMIT_NPROC ${init.processLimit}`;
  },
};
