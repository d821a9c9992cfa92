import type { Evidence } from "#lib/errors/frame.ts";
import type { Facts } from "../facts.ts";
import type { PidsLevel } from "../host/cgroup_counters.ts";
import type { Proof } from "./cause.ts";
import { dockerCommand, execCommand, formatMax, lastExec, nameOf, tightestPids } from "./words.ts";

/** runc's init starts about this many threads before it becomes the program. */
export const PIDS_OF_GENUINE_EXEC = 6;

/** It ran, and ended as shells do when fork is refused: so the refusal was the program's own. */
export function appForkFailed(facts: Facts): boolean {
  const exec = lastExec(facts);
  const full = tightestPids(facts.cgroup?.pids ?? []);
  return exec?.launched === true && exec.exitCode === 2 && (full?.refused ?? 0) > 0;
}

/** The proof for one full level of a pids tree: who holds what, and the fix. */
export function pidsProof(facts: Facts, level: PidsLevel): Proof {
  const own = facts.cgroup?.pids[0]?.folder === level.folder;
  const where = own ? "the container's pids cgroup" : `an ancestor of its pids cgroup`;
  const holder = mostThreads(facts);
  const count = `${level.current} of ${formatMax(level.max)}`;
  const evidence: Evidence[] = [
    { kind: "cgroup", value: `pids.current ${count}`, ref: `${level.folder}/pids.max` },
  ];
  if (level.refused !== undefined) {
    evidence.push({
      kind: "cgroup",
      value: `${level.refused} forks refused here so far`,
      ref: `${level.folder}/pids.events`,
    });
  }
  for (const probe of facts.probes.filter((one) => one.pidsRefused > 0)) {
    evidence.push({
      kind: "cgroup",
      value: `${probe.pidsRefused} more forks were refused during the probe`,
      ref: probe.command,
    });
  }
  if (holder) evidence.push(holder.evidence);
  const most = holder ? `; ${holder.words}` : "";
  return {
    confidence: "certain",
    sentence: `${where} holds ${count} pids, so no new process or thread can start in it${most}`,
    evidence,
    fix: fixOf(facts, level, own, holder?.pid),
    verify: [`cat ${level.folder}/pids.current ${level.folder}/pids.max`, execCommand(facts)],
    marks: { container: "fails" },
  };
}

function fixOf(facts: Facts, level: PidsLevel, own: boolean, holder: number | undefined): string[] {
  const more = Math.max(level.max * 2, level.current + 100);
  const fix: string[] = [];
  if (own && facts.docker) {
    fix.push(`${dockerCommand(facts)} update --pids-limit ${more} ${nameOf(facts)}`);
  } else fix.push(`echo ${more} > ${level.folder}/pids.max`);
  if (holder !== undefined) {
    fix.push(`# then stop the leak: ls /proc/${holder}/task | wc -l  shows the threads that grow`);
  }
  return fix;
}

function mostThreads(facts: Facts): { pid: number; words: string; evidence: Evidence } | undefined {
  const sorted = [...(facts.cgroup?.processes ?? [])].sort((a, b) => b.threads - a.threads);
  const most = sorted[0];
  if (!most) return undefined;
  const total = sorted.reduce((sum, process) => sum + process.threads, 0);
  const comms = new Map<string, number>();
  for (const process of sorted) {
    comms.set(process.comm, (comms.get(process.comm) ?? 0) + process.threads);
  }
  const [comm, threads] = [...comms].sort((a, b) => b[1] - a[1])[0]!;
  const many = most.threads > 1 && most.threads * 2 >= total;
  const words = many
    ? `process ${most.pid} (${most.comm}) has ${most.threads} threads`
    : `${threads} of them are ${comm}`;
  return {
    pid: most.pid,
    words,
    evidence: {
      kind: "cgroup",
      value:
        `most threads: ${most.pid} (${most.comm}) with ${most.threads}; ` +
        `by name: ${comm} ${threads}`,
      ref: `/proc/${most.pid}/task`,
    },
  };
}
