import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf } from "./words.ts";

/** Less than this is full for a runtime that writes a spec of some kilobytes. */
const FULL_BYTES = 16 * 1024;

export const bindSourceMissing: CauseRule = {
  id: "bind-source-missing",
  title: "a bind mount's source is not on the host",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const missing = facts.docker?.missingBinds ?? [];
    if (facts.init?.alive || missing.length === 0) return undefined;
    const source = missing[0]!;
    return {
      confidence: "certain",
      sentence: `the container binds ${source}, which is not on the host`,
      evidence: missing.map((path) => ({ kind: "path" as const, value: "missing", ref: path })),
      fix: [`mkdir -p ${source}`, `${dockerCommand(facts)} start ${nameOf(facts)}`],
      verify: [`ls -d ${source}`],
      marks: { container: "not-present" },
    };
  },
  refutes(facts) {
    const { docker } = facts;
    if (!docker?.inspect || docker.missingBinds === undefined) return undefined;
    return docker.missingBinds.length === 0 ? "every bind source is there" : undefined;
  },
};

export const runtimeMissing: CauseRule = {
  id: "runtime-missing",
  title: "the runtime's executable is gone",
  link: "shim",
  needs: ["runtime"],
  proves(facts) {
    const { runtime } = facts;
    if (!runtime || runtime.binaryExists || runtime.binary === undefined) return undefined;
    return {
      confidence: "certain",
      sentence: `the runtime ${runtime.binary} is not there or may not be executed`,
      evidence: [
        { kind: "path", value: "missing", ref: runtime.binary },
        ...(facts.docker?.inspect?.runtime
          ? [
              {
                kind: "path" as const,
                value: `HostConfig.Runtime is ${facts.docker.inspect.runtime}`,
                ref: "GET /info, Runtimes",
              },
            ]
          : []),
      ],
      fix: [
        "# reinstall it (apt-get install --reinstall runc), or correct `runtimes` in daemon.json",
      ],
      verify: [`${runtime.binary} --version`],
      marks: { runc: "not-present" },
    };
  },
  refutes({ runtime }) {
    return runtime?.binaryExists ? `${runtime.binary} is there` : undefined;
  },
};

export const runtimeDirFull: CauseRule = {
  id: "runtime-dir-full",
  title: "the folder for the runtime's temporary files is full",
  link: "shim",
  needs: ["shim"],
  proves(facts) {
    const temporary = facts.shim?.temporary;
    if (!temporary) return undefined;
    const { fill, path } = temporary;
    const noBlocks = fill.blocks > 0 && fill.blocksFree * fill.blockSize < FULL_BYTES;
    const noInodes = fill.inodes > 0 && fill.inodesFree < 2;
    if (!noBlocks && !noInodes) return undefined;
    const what = noBlocks
      ? `${fill.blocksFree * fill.blockSize} bytes`
      : `${fill.inodesFree} inodes`;
    return {
      confidence: "certain",
      sentence: `${path}, where the shim writes each exec's specification, has ${what} left`,
      evidence: [
        { kind: "path", value: `statfs: ${what} free`, ref: path },
        {
          kind: "path",
          value: "its XDG_RUNTIME_DIR or TMPDIR",
          ref: `/proc/${facts.shim?.pid}/environ`,
        },
      ],
      fix: [`du -xh ${path} | sort -h | tail  # then remove what is large`],
      verify: [`df ${path}; df -i ${path}`],
      marks: { shim: "fails" },
    };
  },
  refutes({ shim }) {
    return shim?.temporary ? `${shim.temporary.path} has room` : undefined;
  },
};

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
      sentence: `its seccomp profile kills ${killed.join(" and ")}, which the runtime's init itself uses, so the container dies before its program`,
      evidence: [
        { kind: "syscall", value: `KILL: ${killed.join(", ")}`, ref: "HostConfig.SecurityOpt" },
        ...(inspect.error
          ? [{ kind: "log" as const, value: inspect.error, ref: "State.Error" }]
          : []),
      ],
      fix: [
        "# let the profile answer with an error (SCMP_ACT_ERRNO) instead of killing, and allow these",
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
