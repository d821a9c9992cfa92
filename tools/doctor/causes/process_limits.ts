import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf, tightestPids } from "./words.ts";

/** Fewer than this many threads left on a host: the next exec's share. */
const HOST_RESERVE = 16;
/** runc forks this many processes, each with threads, inside the shim's cgroup. */
const PIDS_OF_RUNTIME = 8;

/** The shim's own cgroup (a service's TasksMax), not the container's. */
export const shimPidsFull: CauseRule = {
  id: "shim-pids-full",
  title: "the shim's own cgroup has no pids left",
  link: "shim",
  needs: ["shim"],
  proves(facts) {
    const shared = new Set(facts.cgroup?.pids.map((level) => level.folder) ?? []);
    const own = (facts.shim?.pids ?? []).filter((level) => !shared.has(level.folder));
    const level = tightestPids(own);
    if (!level || facts.shim?.pid === undefined) return undefined;
    const left = level.max - level.current;
    const failed = facts.execs.some((exec) => !exec.launched && exec.exitCode === 126);
    if (left > 0 && !(left < PIDS_OF_RUNTIME && failed && (level.refused ?? 0) > 0)) {
      return undefined;
    }
    const count = `${level.current} of ${level.max}`;
    return {
      confidence: "certain",
      sentence: `the shim's cgroup holds ${count} pids, so the shim cannot start the runtime`,
      evidence: [
        { kind: "cgroup", value: `pids.current ${count}`, ref: `${level.folder}/pids.max` },
        {
          kind: "cgroup",
          value: `${level.refused ?? 0} forks refused here so far`,
          ref: `${level.folder}/pids.events`,
        },
        { kind: "path", value: "the shim's cgroup", ref: `/proc/${facts.shim.pid}/cgroup` },
      ],
      fix: [
        `echo ${level.max * 2} > ${level.folder}/pids.max`,
        "# for good: TasksMax= of the service that holds the shims (systemd: infinity)",
      ],
      verify: [`cat ${level.folder}/pids.current ${level.folder}/pids.max`],
      marks: { shim: "fails" },
    };
  },
  refutes(facts) {
    const level = tightestPids(facts.shim?.pids ?? []);
    if (facts.shim?.pid === undefined) return undefined;
    if (!level) return "no pids.max anywhere up the shim's cgroup tree";
    if (level.max - level.current < PIDS_OF_RUNTIME) return undefined;
    return `${level.current} of ${level.max} pids up the shim's cgroup tree (${level.folder})`;
  },
};

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

export const pidMax: CauseRule = {
  id: "pid-max",
  title: "the host has no process ids left",
  link: "kernel",
  needs: ["host"],
  proves({ host }) {
    const { threads, pidMax: max } = host;
    if (threads === undefined || max === undefined || threads < max - HOST_RESERVE)
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
    if (threads === undefined || max === undefined || threads > max * 0.95) return undefined;
    return `${threads} threads on the host of kernel.pid_max ${max}`;
  },
};

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
      verify: [`${dockerCommand(facts)} exec -u ${uid} ${nameOf(facts)} true`],
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
