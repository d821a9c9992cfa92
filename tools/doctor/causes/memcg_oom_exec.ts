import type { Facts } from "../facts.ts";
import type { MemoryLevel } from "../host/cgroup_counters.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { SIGKILL_EXIT } from "./memory_words.ts";
import { dockerCommand, execCommand, formatBytes, lastExec, nameOf } from "./words.ts";

/** The limited level of a memory tree that has the least left. */
function tightest(levels: MemoryLevel[]): MemoryLevel | undefined {
  const limited = levels.filter((level) => Number.isFinite(level.limitBytes));
  const left = (level: MemoryLevel) => level.limitBytes - (level.pinnedBytes ?? level.usageBytes);
  return limited.sort((a, b) => left(a) - left(b))[0];
}

/** An exec that the kernel killed for memory while the container itself lives on. */
export const memcgOomExec: CauseRule = {
  id: "memcg-oom-exec",
  title: "an exec is killed because the container's memory is full",
  link: "memory cgroup",
  needs: ["cgroup"],
  proves(facts) {
    const level = tightest(facts.cgroup?.memory ?? []);
    if (!level || !facts.init?.alive) return undefined;
    const byProbe = facts.probes.some((probe) => probe.oomKills > 0);
    const exec = lastExec(facts);
    const killed = exec !== undefined && !exec.running && exec.exitCode === SIGKILL_EXIT;
    if (!byProbe && !(killed && (level.oomKills ?? 0) > 0)) return undefined;
    const seen = byProbe
      ? "the probe exec was killed"
      : `exec ${exec?.argv.join(" ")} ended with 137, no message`;
    return memoryProof(facts, level, seen);
  },
  refutes(facts) {
    const level = tightest(facts.cgroup?.memory ?? []);
    if ((facts.cgroup?.memory.length ?? 0) === 0) return undefined;
    if (!level) return "no memory limit anywhere up the container's cgroup tree";
    if (level.oomKills === 0) return `the kernel killed nothing for memory (${level.folder})`;
    return undefined;
  },
};

function memoryProof(facts: Facts, level: MemoryLevel, seen: string): Proof {
  const pinned = level.pinnedBytes ?? level.usageBytes;
  const shm = level.shmemBytes ?? 0;
  const shmWords = shm > pinned / 4 ? `, ${formatBytes(shm)} of it shared memory (/dev/shm)` : "";
  const more = Math.ceil((level.limitBytes * 2) / 1024 ** 2);
  return {
    confidence: "certain",
    sentence:
      `${seen}: ${formatBytes(pinned)} of the container's ${formatBytes(level.limitBytes)} ` +
      `memory cannot be taken back${shmWords}, so the kernel kills`,
    evidence: [
      {
        kind: "cgroup",
        value: `${level.usageBytes} of ${level.limitBytes} bytes, oom_kill ${level.oomKills}`,
        ref: level.folder,
      },
      { kind: "exit", value: seen },
    ],
    fix: [
      facts.docker
        ? `${dockerCommand(facts)} update --memory ${more}m --memory-swap ${more}m ${nameOf(facts)}`
        : `# raise its memory limit to ${more} MiB where it is set (limits.memory in Kubernetes)`,
      ...(shmWords ? ["# or free /dev/shm in the container: its files count as its memory"] : []),
    ],
    verify: [execCommand(facts)],
    marks: { container: "fails" },
  };
}
