import type { Facts } from "../facts.ts";
import type { MemoryLevel } from "../host/cgroup_counters.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { dockerCommand, formatBytes, lastExec, nameOf } from "./words.ts";

const SIGKILL_EXIT = 137;
/** Below this, init of a genuine runtime may not get as far as the program. */
const MEMORY_OF_INIT = 8 * 1024 * 1024;

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
      `${dockerCommand(facts)} update --memory ${more}m --memory-swap ${more}m ${nameOf(facts)}`,
      ...(shmWords ? ["# or free /dev/shm in the container: its files count as its memory"] : []),
    ],
    verify: [`${dockerCommand(facts)} exec ${nameOf(facts)} true`],
    marks: { container: "fails" },
  };
}

/** The container itself was killed for memory. */
export const memcgOomApp: CauseRule = {
  id: "memcg-oom-app",
  title: "the container was killed because its memory was full",
  link: "memory cgroup",
  needs: ["docker"],
  proves(facts) {
    const inspect = facts.docker?.inspect;
    if (!inspect || facts.init?.alive || inspect.status === "created") return undefined;
    const oomEvent = facts.ends.some((event) => event.action === "oom");
    if (!inspect.oomKilled && !(oomEvent && inspect.exitCode === SIGKILL_EXIT)) return undefined;
    const limit =
      inspect.memoryLimit > 0 ? formatBytes(inspect.memoryLimit) : "an ancestor's limit";
    const program = [inspect.path, ...inspect.args].join(" ");
    return {
      confidence: "certain",
      sentence: `the kernel killed the container for memory: ${program} needed more than ${limit}`,
      evidence: [
        {
          kind: "exit",
          value: `OOMKilled ${inspect.oomKilled}, ExitCode ${inspect.exitCode}`,
          ref: `GET /containers/${facts.id.slice(0, 12)}/json`,
        },
        { kind: "cgroup", value: `memory limit ${limit}`, ref: "HostConfig.Memory" },
      ],
      fix: [
        `${dockerCommand(facts)} update --memory 2g --memory-swap 2g ${nameOf(facts)}`,
        `${dockerCommand(facts)} start ${nameOf(facts)}`,
      ],
      verify: [`${dockerCommand(facts)} inspect -f '{{.State.OOMKilled}}' ${nameOf(facts)}`],
      marks: { container: "not-present" },
    };
  },
  refutes(facts) {
    const inspect = facts.docker?.inspect;
    if (!inspect || inspect.oomKilled) return undefined;
    return "Docker saw no out-of-memory kill of it (State.OOMKilled is false)";
  },
};

/** A limit below what the runtime's own init needs. */
export const memcgOomInit: CauseRule = {
  id: "memcg-oom-init",
  title: "the memory limit is smaller than what starting a container takes",
  link: "runc init",
  needs: ["docker"],
  proves(facts) {
    const inspect = facts.docker?.inspect;
    if (inspect?.status !== "created" || inspect.error === "") return undefined;
    if (inspect.memoryLimit === 0 || inspect.memoryLimit > MEMORY_OF_INIT) return undefined;
    return {
      confidence: /oom|killed/i.test(inspect.error) ? "certain" : "likely",
      sentence: `the memory limit, ${formatBytes(inspect.memoryLimit)}, is below what runc's init takes to start`,
      evidence: [
        { kind: "cgroup", value: formatBytes(inspect.memoryLimit), ref: "HostConfig.Memory" },
        { kind: "log", value: inspect.error, ref: "State.Error" },
      ],
      fix: [`${dockerCommand(facts)} update --memory 64m --memory-swap 64m ${nameOf(facts)}`],
      verify: [`${dockerCommand(facts)} start ${nameOf(facts)}`],
    };
  },
  refutes: () => undefined,
};
