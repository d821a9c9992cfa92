import type { CauseRule } from "./cause.ts";
import { ctrCommand, dockerCommand, nameOf, outermostLink } from "./words.ts";

export const paused: CauseRule = {
  id: "paused",
  title: "the container is paused",
  link: "dockerd",
  needs: ["cgroup"],
  proves(facts) {
    const frozen = facts.cgroup?.frozen === true;
    const told = facts.docker?.inspect?.paused === true;
    if (!facts.init?.alive || (!frozen && !told)) return undefined;
    const evidence = [];
    if (frozen) {
      const ref = facts.cgroup?.freezerFile ?? "";
      evidence.push({ kind: "cgroup" as const, value: "the cgroup is frozen", ref });
    }
    if (facts.docker?.inspect) {
      evidence.push({
        kind: "trace" as const,
        value: `State.Paused is ${told}`,
        ref: `GET /containers/${facts.id.slice(0, 12)}/json`,
      });
    }
    const mismatch = frozen && facts.docker?.inspect !== undefined && !told;
    return {
      confidence: "certain",
      link: outermostLink(facts),
      sentence: mismatch
        ? "the container's cgroup is frozen, though Docker does not know of a pause"
        : "the container is paused: its cgroup is frozen, nothing in it runs and no exec starts",
      evidence,
      fix: [
        facts.docker && !mismatch
          ? `${dockerCommand(facts)} unpause ${nameOf(facts)}`
          : mismatch && facts.cgroup?.freezerFile?.endsWith("freezer.state")
            ? `echo THAWED > ${facts.cgroup.freezerFile}`
            : `${ctrCommand(facts)} tasks resume ${facts.id}`,
      ],
      verify: [`cat ${facts.cgroup?.freezerFile ?? ""}`],
      marks: { container: "fails" },
    };
  },
  refutes(facts) {
    if (facts.cgroup?.frozen !== false || facts.docker?.inspect?.paused === true) return undefined;
    return `${facts.cgroup.freezerFile} says thawed`;
  },
};
