import type { CauseRule } from "./cause.ts";
import { isBlocked, isStopped } from "./words.ts";

/** Every link works, an exec too, and yet the application does nothing. */
export const appStopped: CauseRule = {
  id: "app-stopped",
  title: "the container's first process is stopped",
  link: "app",
  needs: ["init"],
  proves({ init, cgroup }) {
    // A freezer may show the same; then it is a pause.
    if (!init?.alive || !isStopped(init.state) || cgroup?.frozen) return undefined;
    const traced = init.state === "t";
    return {
      confidence: "certain",
      sentence:
        `the first process, ${init.pid}, is stopped by ` +
        `${traced ? "a tracer" : "a signal (SIGSTOP)"}: the application does nothing`,
      evidence: [
        { kind: "path", value: `State: ${init.state}`, ref: `/proc/${init.pid}/status` },
        ...(cgroup?.frozen === false
          ? [{ kind: "cgroup" as const, value: "not frozen", ref: cgroup.freezerFile ?? "" }]
          : []),
      ],
      fix: traced
        ? [`grep TracerPid /proc/${init.pid}/status  # whoever traces it must let it go on`]
        : [`kill -CONT ${init.pid}`, "# if it stops again, find who stops it"],
      verify: [`grep State /proc/${init.pid}/status`],
      marks: { container: "hangs" },
    };
  },
  refutes({ init, cgroup }) {
    if (!init?.alive || init.state === undefined || isStopped(init.state)) return undefined;
    // A frozen process shows as D, one that waits for a disk too, whether it was stopped or not.
    if (cgroup?.frozen || isBlocked(init.state)) return undefined;
    return `its first process, ${init.pid}, is in state ${init.state}`;
  },
};
