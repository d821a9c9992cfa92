import type { CauseRule } from "./cause.ts";
import { tightestPids } from "./words.ts";

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
