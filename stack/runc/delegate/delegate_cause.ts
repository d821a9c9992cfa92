import { readTextIfAny, statFile } from "#lib/linux/file.ts";
import type { CgroupJoin } from "../cgroups/cgroup_join.ts";
import { joinTarget } from "../cgroups/join_target.ts";
import { type FoundCause, nothing } from "../process/failure_cause.ts";
import { fullPidsCause, oomKills } from "../process/limit_cause.ts";
import { programCause } from "../process/program_cause.ts";
import type { ContainerState } from "../state/container_state.ts";

/** What is counted before a foreign runtime is let to work, to see what moved when it failed. */
export interface Before {
  cgroup: CgroupJoin;
  oomKills: number | undefined;
  /** Refusals of each pids cgroup so far, innermost first. */
  refusals: number[];
}

/** Counts before a launch in a container whose state is known. Reads a few small files. */
export function countBefore(state: ContainerState, stateDir: string): Before {
  const cgroup = joinTarget(state.cgroup_paths, stateDir);
  return { cgroup, oomKills: oomKills(cgroup), refusals: refusalsOf(cgroup) };
}

function refusalsOf({ pidsLevels }: CgroupJoin): number[] {
  return pidsLevels.map(({ max }) => {
    const events = readTextIfAny(max.replace(/pids\.max$/, "pids.events"));
    return Number(events?.match(/^max (\d+)$/m)?.[1] ?? 0);
  });
}

/**
 * Why a launch failed, by what moved in the container's cgroups. Undefined when nothing did, or
 * when there was no container yet.
 */
export function limitThatMoved(before: Before): FoundCause | undefined {
  const full = fullPidsCause(before.cgroup);
  if (full) return full;
  const after = refusalsOf(before.cgroup);
  const at = after.findIndex((count, index) => count > (before.refusals[index] ?? 0));
  if (at >= 0) return refusedThreads(before, at, after[at]! - before.refusals[at]!);
  const kills = oomKills(before.cgroup);
  if (kills === undefined || before.oomKills === undefined || kills <= before.oomKills) {
    return undefined;
  }
  const memory = before.cgroup.v1.find(({ controllers }) => controllers.includes("memory"));
  const folder = memory?.path ?? before.cgroup.unified ?? "";
  return {
    evidence: [{ kind: "cgroup", value: `oom_kill ${before.oomKills} to ${kills}`, ref: folder }],
    words: {
      causeId: "memcg-oom-exec",
      cause: `the memory cgroup ${folder} killed a process during the launch`,
      fix: "raise the memory limit; files in tmpfs such as /dev/shm count against it",
    },
  };
}

function refusedThreads({ cgroup }: Before, at: number, count: number): FoundCause {
  const { current, max } = cgroup.pidsLevels[at]!;
  const folder = max.slice(0, max.lastIndexOf("/"));
  const used = readTextIfAny(current)?.trim() ?? "?";
  const most = readTextIfAny(max)?.trim() ?? "?";
  return {
    evidence: [
      { kind: "cgroup", value: `pids.events max rose by ${count}`, ref: folder },
      { kind: "cgroup", value: `pids.current ${used} of pids.max ${most}`, ref: folder },
    ],
    words: {
      causeId: "pids-cgroup-full",
      cause:
        `the pids cgroup ${folder} refused ${count} thread${count > 1 ? "s" : ""} of the ` +
        `runtime's own init: ${used} of ${most} are used, and that init needs several`,
      fix: "raise the pids limit (docker update --pids-limit), or end what runs in it",
    },
  };
}

/** Words of the genuine runtime about a program, and the step of ours that they come from. */
const PROGRAM_WORDS: [words: RegExp, op: "find-program" | "execve", errno: string][] = [
  [/exec: "([^"]+)": executable file not found/, "find-program", "ENOENT"],
  [/exec: "([^"]+)": stat \S+: no such file/, "find-program", "ENOENT"],
  [/exec: "([^"]+)": (?:permission denied|is a directory)/, "find-program", "EACCES"],
  [/exec ([^\s:]+): exec format error/, "execve", "ENOEXEC"],
  [/exec ([^\s:]+): no such file/, "execve", "ENOENT"],
  [/exec ([^\s:]+): permission denied/, "execve", "EACCES"],
];

/** Why a program did not run: the message says at which step, the container's files say why. */
export function programThatFailed(message: string, root: string): FoundCause {
  for (const [words, op, errno] of PROGRAM_WORDS) {
    const name = message.match(words)?.[1];
    if (name === undefined) continue;
    const operation = op === "execve" ? { op, args: [name], env: [] } : { op, name, path: "" };
    return programCause({ root }, operation, errno);
  }
  const folder = message.match(/chdir to cwd \("([^"]+)"\)/)?.[1];
  if (folder !== undefined && !statFile(`${root}${folder}`)) {
    return programCause({ root }, { op: "chdir", path: folder, early: false }, "ENOENT");
  }
  return nothing();
}
