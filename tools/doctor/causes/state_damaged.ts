import type { CauseRule } from "./cause.ts";
import { restartCommands } from "./words.ts";

/** The runtime's note of the container is there, but says nothing or the wrong thing. */
export const stateDamaged: CauseRule = {
  id: "state-damaged",
  title: "the runtime's state of a running container is damaged",
  link: "runtime state",
  needs: ["runtime", "init"],
  proves(facts) {
    const { runtime, init } = facts;
    if (!init?.alive || !runtime?.stateFile) return undefined;
    if (!runtime.stateDamaged && runtime.stateNames === undefined) return undefined;
    const what = runtime.stateDamaged
      ? "cannot be read as the runtime's state"
      : `names process ${runtime.stateNames} as the first one, which is not there`;
    return {
      confidence: "certain",
      sentence: `the container runs (process ${init.pid}), but ${runtime.stateFile} ${what}`,
      evidence: [
        { kind: "path", value: what, ref: runtime.stateFile },
        {
          kind: "path",
          value: `first process ${init.pid} is alive, in this container's cgroup`,
          ref: `/proc/${init.pid}/cgroup`,
        },
      ],
      fix: [
        ...restartCommands(facts),
        "# and find what wrote there: a full file system (df), a crash, another runtime's --root",
      ],
      verify: [`head -c 200 ${runtime.stateFile}`],
      marks: { runc: "fails" },
    };
  },
  refutes({ runtime }) {
    if (!runtime?.stateExists || runtime.stateNames !== undefined) return undefined;
    return `${runtime.stateFile} can be read, and its process is the container's`;
  },
};
