import type { CauseRule } from "./cause.ts";
import { pidsCgroupFull } from "./pids_cgroup_full.ts";
import { appForkFailed, pidsProof } from "./pids_proof.ts";
import { lastExec, tightestPids } from "./words.ts";

/** The same full cgroup, but the exec got in and its program could not fork. */
export const pidsAppFork: CauseRule = {
  id: "pids-app-fork",
  title: "a program in the container cannot fork: its cgroup has no pids left",
  link: "app",
  needs: ["cgroup"],
  proves(facts) {
    const full = tightestPids(facts.cgroup?.pids ?? []);
    if (!full || full.current < full.max - 1 || !appForkFailed(facts)) return undefined;
    const exec = lastExec(facts)!;
    const proof = pidsProof(facts, full);
    const started = `exec ${exec.argv.join(" ")} started and ended with exit code ${exec.exitCode}`;
    return {
      ...proof,
      confidence: full.refused ? "certain" : "likely",
      sentence: `a program got in but could not fork: ${proof.sentence}`,
      evidence: [...proof.evidence, { kind: "exit", value: started }],
    };
  },
  refutes(facts) {
    return pidsCgroupFull.refutes(facts);
  },
};
