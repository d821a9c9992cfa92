import type { Known } from "../refusals.ts";
import type { ContainerRecord } from "./container_record.ts";

/** 128 and SIGSYS: a call that the seccomp filter answers by killing. */
const KILLED_BY_FILTER = 159;

/** Why a container that was started does not run, as its record proves it. */
export function endCause(record: ContainerRecord, ref: string): Known {
  const { state, hostConfig } = record;
  const again = `docker logs ${ref}; docker start ${ref}`;
  if (state.oomKilled) {
    return {
      causeId: "memcg-oom-app",
      cause: `the kernel killed in it for memory (limit ${hostConfig.Memory || "of an ancestor"})`,
      fix: `docker update --memory 2g --memory-swap 2g ${ref}; docker start ${ref}`,
    };
  }
  if (state.exitCode === KILLED_BY_FILTER && profileKills(hostConfig.SecurityOpt ?? [])) {
    return {
      causeId: "seccomp-kill",
      cause: "its seccomp profile killed its program (SIGSYS)",
      fix: "let the profile answer with SCMP_ACT_ERRNO instead of SCMP_ACT_KILL, and run it anew",
    };
  }
  return {
    causeId: "not-running",
    cause: `its program ended with exit code ${state.exitCode}`,
    fix: `see why and start it again: ${again}`,
  };
}

function profileKills(options: readonly string[]): boolean {
  return options.some((one) => /^seccomp[=:]/.test(one) && one.includes("SCMP_ACT_KILL"));
}
