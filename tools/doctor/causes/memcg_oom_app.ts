import type { CauseRule } from "./cause.ts";
import { SIGKILL_EXIT } from "./memory_words.ts";
import { dockerCommand, formatBytes, nameOf } from "./words.ts";

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
    const logged = facts.docker?.oomLog ?? [];
    const killed = inspect.exitCode === SIGKILL_EXIT && (oomEvent || logged.length > 0);
    if (!inspect.oomKilled && !killed) return undefined;
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
        ...logged.slice(-1).map((value) => ({ kind: "log" as const, value, ref: "/dev/kmsg" })),
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
    if (!inspect || inspect.oomKilled || facts.docker?.oomLog?.length) return undefined;
    return "Docker saw no out-of-memory kill of it (State.OOMKilled is false)";
  },
};
