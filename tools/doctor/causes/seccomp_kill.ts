import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf } from "./words.ts";

/** System calls without which a runtime's init cannot reach the program. */
const NEEDED = [
  "futex",
  "write",
  "read",
  "execve",
  "openat",
  "close",
  "mmap",
  "clone",
  "rt_sigreturn",
];

export const seccompKill: CauseRule = {
  id: "seccomp-kill",
  title: "the seccomp profile kills the container's own start",
  link: "seccomp",
  needs: ["docker"],
  proves(facts) {
    const inspect = facts.docker?.inspect;
    if (!inspect || facts.init?.alive) return undefined;
    const killed = killedCalls(inspect.securityOptions);
    const neverStarted = inspect.status === "created" || inspect.exitCode === 159;
    if (!neverStarted || killed.length === 0) return undefined;
    if (inspect.status === "created" && inspect.error === "" && facts.init === undefined) {
      return undefined;
    }
    return {
      confidence: "certain",
      sentence:
        `its seccomp profile kills ${killed.join(" and ")}, which the runtime's init ` +
        "itself uses, so the container dies before its program",
      evidence: [
        { kind: "syscall", value: `KILL: ${killed.join(", ")}`, ref: "HostConfig.SecurityOpt" },
        ...(inspect.error
          ? [{ kind: "log" as const, value: inspect.error, ref: "State.Error" }]
          : []),
      ],
      fix: [
        "# let the profile answer with an error (SCMP_ACT_ERRNO) instead " +
          "of killing, and allow these",
        `${dockerCommand(facts)} rm ${nameOf(facts)}  # then run it with the corrected profile`,
      ],
      verify: [],
      marks: { container: "not-present" },
    };
  },
  refutes(facts) {
    const inspect = facts.docker?.inspect;
    if (!inspect) return undefined;
    return killedCalls(inspect.securityOptions).length === 0
      ? "its seccomp profile kills none of the calls that a start needs"
      : undefined;
  },
};

interface SeccompProfile {
  syscalls?: { names?: string[]; name?: string; action?: string }[];
}

function killedCalls(options: string[]): string[] {
  const out = new Set<string>();
  for (const option of options) {
    if (!option.startsWith("seccomp=") && !option.startsWith("seccomp:")) continue;
    let profile: SeccompProfile;
    try {
      profile = JSON.parse(option.slice("seccomp=".length)) as SeccompProfile;
    } catch {
      continue;
    }
    for (const rule of profile.syscalls ?? []) {
      if (!rule.action?.startsWith("SCMP_ACT_KILL")) continue;
      for (const name of rule.names ?? [rule.name ?? ""]) if (NEEDED.includes(name)) out.add(name);
    }
  }
  return [...out];
}
