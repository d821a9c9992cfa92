import { basename } from "node:path";
import { PIDS_OF_GENUINE_EXEC } from "../causes/pids_proof.ts";
import { pendingExecs } from "../causes/probe_pileup.ts";
import { formatBytes, tightestPids } from "../causes/words.ts";
import type { DaemonFacts, Facts } from "../facts.ts";

/** Share of a limit from which on it is worth a word. */
const NEAR = 0.9;
/** A genuine exec opens about this many descriptors in the shim. */
const DESCRIPTORS_OF_EXEC = 12;
const ZOMBIES = 5;

/** What is likely to fail next in this container. `proved` are causes that are told anyway. */
export function foresee(facts: Facts, proved: Set<string>): string[] {
  const out: string[] = [];
  foreseePids(facts, proved, out);
  foreseeMemory(facts, proved, out);
  foreseeDescriptors("shim", facts.shim, proved, out);
  foreseeDescriptors("containerd", facts.containerd, proved, out);
  foreseeDescriptors("dockerd", facts.docker, proved, out);
  const zombies = facts.cgroup?.processes.filter((process) => process.state === "Z") ?? [];
  if (zombies.length >= ZOMBIES) {
    out.push(
      `${zombies.length} zombies hold pids: its first process does not reap (run it with --init)`,
    );
  }
  const [pending] = pendingExecs(facts);
  if (pending && pending.pids.length >= ZOMBIES && !proved.has("probe-pileup")) {
    out.push(`${pending.pids.length} execs of ${pending.comm} have not ended: do they pile up?`);
  }
  const { threads, threadsMax } = facts.host;
  if (threads !== undefined && threadsMax !== undefined && threads > threadsMax * NEAR) {
    out.push(`the host runs ${threads} threads of kernel.threads-max ${threadsMax}`);
  }
  return out;
}

function foreseePids(facts: Facts, proved: Set<string>, out: string[]): void {
  const level = tightestPids(facts.cgroup?.pids ?? []);
  if (!level || proved.has("pids-cgroup-full") || proved.has("pids-app-fork")) return;
  const left = level.max - level.current;
  // Our init has one thread; a genuine one starts several more before it becomes the program.
  const ours = basename(facts.runtime?.binary ?? "").startsWith("catena");
  if (left < (ours ? 1 : PIDS_OF_GENUINE_EXEC)) {
    const need = ours ? "an exec needs one" : `a genuine exec needs about ${PIDS_OF_GENUINE_EXEC}`;
    out.push(
      `${level.current} of ${level.max} pids: ${need}, it is likely to fail (${level.folder})`,
    );
  } else if (level.current > level.max * NEAR) {
    out.push(`${level.current} of ${level.max} pids are used (${level.folder})`);
  }
}

function foreseeMemory(facts: Facts, proved: Set<string>, out: string[]): void {
  if ([...proved].some((id) => id.startsWith("memcg-"))) return;
  for (const level of facts.cgroup?.memory ?? []) {
    const pinned = level.pinnedBytes;
    if (pinned === undefined || !Number.isFinite(level.limitBytes)) continue;
    if (pinned < level.limitBytes * NEAR) continue;
    out.push(
      `${formatBytes(pinned)} of ${formatBytes(level.limitBytes)} memory cannot be taken back: ` +
        `an exec may be killed (${level.folder})`,
    );
    return;
  }
}

function foreseeDescriptors(
  what: string,
  daemon: DaemonFacts | undefined,
  proved: Set<string>,
  out: string[],
): void {
  const use = daemon?.descriptors;
  if (!use || proved.has(`${what}-nofile`)) return;
  if (use.softLimit - use.open > DESCRIPTORS_OF_EXEC) return;
  out.push(`${what} has ${use.open} descriptors open of ${use.softLimit}: the next exec may fail`);
}
