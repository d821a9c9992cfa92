import type { CauseRule } from "./cause.ts";
import { restartCommands } from "./words.ts";

/** Not in the catalogue of reports, but found the same way as a lost /dev/ptmx. */
export const deviceMissing: CauseRule = {
  id: "device-missing",
  title: "a device that a runtime needs is missing in the container",
  link: "container mounts",
  needs: ["init"],
  proves(facts) {
    const { init } = facts;
    const missing = init?.missingDevices ?? [];
    // An image without any /dev, run as it is, never had them: then a runtime says so at its start.
    if (!init?.alive || !init.mountsSeen || !init.devptsMounted || missing.length === 0)
      return undefined;
    return {
      confidence: "certain",
      sentence: `${missing.join(", ")} is gone from the container or no device any more`,
      evidence: missing.map((path) => ({
        kind: "path" as const,
        value: "missing, or no character device",
        ref: `${init.rootfs}${path}`,
      })),
      fix: [...restartCommands(facts), "# and find what in the container writes to /dev"],
      verify: missing.map((path) => `stat ${init.rootfs}${path}`),
      marks: { container: "fails" },
    };
  },
  refutes({ init }) {
    return init?.alive && init.mountsSeen && init.missingDevices.length === 0
      ? "/dev/null, /dev/zero and /dev/urandom are there"
      : undefined;
  },
};
