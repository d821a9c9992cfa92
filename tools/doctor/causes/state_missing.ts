import type { CauseRule } from "./cause.ts";
import { restartCommands } from "./words.ts";

export const stateMissing: CauseRule = {
  id: "state-missing",
  title: "the runtime's state of a running container is gone",
  link: "runtime state",
  needs: ["runtime", "init"],
  proves(facts) {
    const { runtime, init } = facts;
    if (!init?.alive || !runtime?.stateFile || runtime.stateExists) return undefined;
    if (runtime.stateDamaged) return undefined;
    return {
      confidence: "certain",
      sentence:
        `the container runs (process ${init.pid}) but ${runtime.stateFile} is gone, ` +
        "so the runtime does not know it",
      evidence: [
        { kind: "path", value: "missing", ref: runtime.stateFile },
        {
          kind: "path",
          value: `first process ${init.pid} is alive`,
          ref: `/proc/${init.pid}/stat`,
        },
      ],
      fix: [
        ...restartCommands(facts),
        "# keep cleaners (tmpreaper, systemd-tmpfiles, rm -rf /run/…) out of the runtime's root",
      ],
      verify: [`ls ${runtime.stateFile}`],
      marks: { runc: "fails" },
    };
  },
  refutes({ runtime }) {
    return runtime?.stateExists || runtime?.stateDamaged
      ? `${runtime.stateFile} is there`
      : undefined;
  },
};
