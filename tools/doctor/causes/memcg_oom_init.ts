import type { CauseRule } from "./cause.ts";
import { dockerCommand, formatBytes, nameOf } from "./words.ts";

/** Below this, init of a genuine runtime may not get as far as the program. */
const MEMORY_OF_INIT = 8 * 1024 * 1024;

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
      sentence:
        `the memory limit, ${formatBytes(inspect.memoryLimit)}, is below ` +
        "what runc's init takes to start",
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
