import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf } from "./words.ts";

export const bindSourceMissing: CauseRule = {
  id: "bind-source-missing",
  title: "a bind mount's source is not on the host",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const missing = facts.docker?.missingBinds ?? [];
    if (facts.init?.alive || missing.length === 0) return undefined;
    const source = missing[0]!;
    return {
      confidence: "certain",
      sentence: `the container binds ${source}, which is not on the host`,
      evidence: missing.map((path) => ({ kind: "path" as const, value: "missing", ref: path })),
      fix: [`mkdir -p ${source}`, `${dockerCommand(facts)} start ${nameOf(facts)}`],
      verify: [`ls -d ${source}`],
      marks: { container: "not-present" },
    };
  },
  refutes(facts) {
    const { docker } = facts;
    if (!docker?.inspect || docker.missingBinds === undefined) return undefined;
    return docker.missingBinds.length === 0 ? "every bind source is there" : undefined;
  },
};
