import type { Facts } from "../facts.ts";
import type { PidsLevel } from "../host/cgroup_counters.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { appForkFailed, PIDS_OF_GENUINE_EXEC, pidsProof } from "./pids_proof.ts";
import { lastExec, tightestPids } from "./words.ts";

/** The article's failure: no pid left in the container's cgroup or in one above it. */
export const pidsCgroupFull: CauseRule = {
  id: "pids-cgroup-full",
  title: "the container's cgroup has no pids left",
  link: "container cgroup",
  needs: ["cgroup"],
  proves(facts) {
    const full = tightestPids(facts.cgroup?.pids ?? []);
    if (!full || full.current < full.max) return lowOnPids(facts, full);
    if (appForkFailed(facts)) return undefined;
    return pidsProof(facts, full);
  },
  refutes(facts) {
    const levels = facts.cgroup?.pids ?? [];
    const tightest = tightestPids(levels);
    if (levels.length === 0) return undefined;
    if (!tightest) return "no pids.max anywhere up the container's cgroup tree";
    const left = tightest.max - tightest.current;
    if (left < PIDS_OF_GENUINE_EXEC) return undefined;
    return `pids.current ${tightest.current} of pids.max ${tightest.max} in ${tightest.folder}`;
  },
};

/** Nearly full: proved only by a failure of a probe or an exec, with a refusal counted. */
function lowOnPids(facts: Facts, level: PidsLevel | undefined): Proof | undefined {
  if (!level || level.max - level.current >= PIDS_OF_GENUINE_EXEC) return undefined;
  const refused = facts.probes.some((probe) => probe.pidsRefused > 0);
  const exec = lastExec(facts);
  const failed = exec !== undefined && !exec.launched && exec.exitCode === 126;
  const reset = /init-p|pthread_create|resource temporarily/i.test(exec?.logged ?? "");
  if (!refused && !(failed && reset && (level.refused ?? 0) > 0)) return undefined;
  return pidsProof(facts, level);
}
