import type { CauseRule } from "./cause.ts";
import { restartCommands } from "./words.ts";

export const cgroupGone: CauseRule = {
  id: "cgroup-gone",
  title: "the container's cgroup was removed or left",
  link: "cgroup",
  needs: ["cgroup", "init"],
  proves(facts) {
    const { init, cgroup } = facts;
    if (!init?.alive || !cgroup || cgroup.missing.length === 0) return undefined;
    const first = cgroup.missing[0]!;
    const others = cgroup.missing.length > 1 ? ` and ${cgroup.missing.length - 1} more` : "";
    return {
      confidence: "certain",
      sentence:
        `the cgroup that the runtime must join is gone: ${first}${others}, ` +
        "while the container runs elsewhere",
      evidence: [
        ...cgroup.missing.map((path) => ({
          kind: "path" as const,
          value: "no such cgroup",
          ref: path,
        })),
        { kind: "path", value: "where it really is", ref: `/proc/${init.pid}/cgroup` },
      ],
      fix: [
        ...restartCommands(facts),
        "# and find who moves processes between cgroups (systemd daemon-reload without Delegate=)",
      ],
      verify: [`ls -d ${first}`],
      marks: { runc: "fails" },
    };
  },
  refutes({ cgroup, runtime }) {
    if (!runtime || runtime.cgroupPaths.size === 0) return undefined;
    if (!cgroup || cgroup.missing.length > 0 || cgroup.pids.length + cgroup.memory.length === 0) {
      return undefined;
    }
    return "every cgroup that state.json names is there";
  },
};
