import { dirname } from "node:path";
import type { CauseRule } from "./cause.ts";
import { restartCommands } from "./words.ts";

/** The folder with config.json and the shim's address, which every later request needs. */
export const bundleMissing: CauseRule = {
  id: "bundle-missing",
  title: "the bundle of a running container is gone",
  link: "runtime state",
  needs: ["runtime", "init"],
  proves(facts) {
    const { runtime, init } = facts;
    if (!init?.alive || !runtime?.bundle || runtime.bundle.exists) return undefined;
    const { path } = runtime.bundle;
    return {
      confidence: "certain",
      sentence: `the container runs (process ${init.pid}), but its bundle ${path} is gone`,
      evidence: [
        { kind: "path", value: "missing", ref: path },
        runtime.stateExists
          ? { kind: "path", value: "names the bundle", ref: runtime.stateFile ?? "" }
          : { kind: "path", value: "where containerd keeps bundles", ref: dirname(path) },
      ],
      fix: [
        ...restartCommands(facts),
        "# keep cleaners (tmpreaper, systemd-tmpfiles, rm -rf /run/…) out of that folder",
      ],
      verify: [`ls ${path}`],
      marks: { runc: "fails" },
    };
  },
  refutes({ runtime }) {
    return runtime?.bundle?.exists ? `the bundle ${runtime.bundle.path} is there` : undefined;
  },
};
