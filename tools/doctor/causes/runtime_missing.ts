import type { CauseRule } from "./cause.ts";

export const runtimeMissing: CauseRule = {
  id: "runtime-missing",
  title: "the runtime's executable is gone",
  link: "shim",
  needs: ["runtime"],
  proves(facts) {
    const { runtime } = facts;
    if (!runtime || runtime.binaryExists || runtime.binary === undefined) return undefined;
    return {
      confidence: "certain",
      sentence: `the runtime ${runtime.binary} is not there or may not be executed`,
      evidence: [
        { kind: "path", value: "missing", ref: runtime.binary },
        ...(facts.docker?.inspect?.runtime
          ? [
              {
                kind: "path" as const,
                value: `HostConfig.Runtime is ${facts.docker.inspect.runtime}`,
                ref: "GET /info, Runtimes",
              },
            ]
          : []),
      ],
      fix: [
        "# reinstall it (apt-get install --reinstall runc), or correct `runtimes` in daemon.json",
      ],
      verify: [`${runtime.binary} --version`],
      marks: { runc: "not-present" },
    };
  },
  refutes({ runtime }) {
    return runtime?.binaryExists ? `${runtime.binary} is there` : undefined;
  },
};
