import type { CauseRule } from "./cause.ts";
import { restartCommands } from "./words.ts";

export const procUnmounted: CauseRule = {
  id: "proc-unmounted",
  title: "/proc is not mounted in the container",
  link: "container mounts",
  needs: ["init"],
  proves(facts) {
    const { init } = facts;
    if (!init?.alive || !init.mountsSeen || init.procMounted) return undefined;
    return {
      confidence: "certain",
      sentence: "the container has no procfs on /proc any more, and a runtime needs it to exec",
      evidence: [{ kind: "path", value: "no proc on /proc", ref: `/proc/${init.pid}/mountinfo` }],
      fix: [
        ...restartCommands(facts),
        `# or, without a restart: nsenter -t ${init.pid} -m -p mount -t proc proc /proc`,
        "# and take CAP_SYS_ADMIN from a container that unmounts its own /proc",
      ],
      verify: [`grep ' /proc ' /proc/${init.pid}/mountinfo`],
      marks: { container: "fails" },
    };
  },
  refutes({ init }) {
    return init?.procMounted ? `/proc/${init.pid}/mountinfo has proc on /proc` : undefined;
  },
};
