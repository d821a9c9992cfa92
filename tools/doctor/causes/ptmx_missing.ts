import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf, restartCommands } from "./words.ts";

export const ptmxMissing: CauseRule = {
  id: "ptmx-missing",
  title: "/dev/ptmx is missing in the container: no terminal can be opened",
  link: "container mounts",
  needs: ["init"],
  proves(facts) {
    const { init } = facts;
    if (!init?.alive || !init.mountsSeen || !init.devptsMounted || init.ptmxExists) {
      return undefined;
    }
    return {
      confidence: "certain",
      sentence:
        "/dev/ptmx is gone from the container, so an exec with a terminal " +
        "(-t) fails; one without works",
      evidence: [{ kind: "path", value: "missing", ref: `/proc/${init.pid}/root/dev/ptmx` }],
      fix: [
        `${dockerCommand(facts)} exec ${nameOf(facts)} ln -s pts/ptmx /dev/ptmx`,
        "# or start it anew:",
        ...restartCommands(facts),
      ],
      verify: [`${dockerCommand(facts)} exec -t ${nameOf(facts)} true`],
      marks: { container: "fails" },
    };
  },
  refutes({ init }) {
    return init?.ptmxExists ? "/dev/ptmx is there" : undefined;
  },
};
