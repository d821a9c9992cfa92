import type { Evidence } from "#lib/errors/frame.ts";
import { hostLimitCause } from "#lib/errors/host_limit_cause.ts";
import { listFolder, readTextIfAny } from "#lib/linux/file.ts";
import type { CgroupJoin } from "../cgroups/cgroup_join.ts";
import type { FoundCause } from "./failure_cause.ts";
import type { FailureContext } from "./launch_failure.ts";

interface Level {
  folder: string;
  current: number;
  max: number;
}

/** Most processes of a cgroup that are looked at for the one with most threads. */
const MAX_PROCESSES = 4096;
const MAX_LEVELS = 32;
const SIGKILL = 9;

/** The check after joining (v1) refused: the report says at which level. */
export function pidsCause(context: FailureContext): FoundCause {
  const { level, current, max } = context.report.pidsLevel;
  const file = context.cgroup.pidsLevels[level]?.current;
  if (!file) return { evidence: [], words: {} };
  const folder = file.slice(0, file.lastIndexOf("/"));
  // What init counted includes itself.
  return fullLevel({ folder, current: Number(current) - 1, max: Number(max) });
}

/** clone refused with EAGAIN: whichever counter is at its limit. */
export function processLimitCause(context: FailureContext): FoundCause {
  const full = chargedLevels(context).find(({ current, max }) => current >= max);
  return full ? fullLevel(full) : hostLimitCause();
}

/** The innermost pids cgroup that is full at this moment; undefined when none is. */
export function fullPidsCause(cgroup: CgroupJoin): FoundCause | undefined {
  const full = pidsLevels(cgroup).find(({ current, max }) => current >= max);
  return full && fullLevel(full);
}

/** The levels that the clone was charged to: those of the cgroup it fell back to, if it did. */
function chargedLevels({ report, run, cgroup }: FailureContext): Level[] {
  if (report.charged !== "fallback") return pidsLevels(cgroup);
  const { operations } = run.plan;
  const clone = operations.find((operation) => operation.op === "clone-grandchild");
  const opened = operations.find(
    (operation) => operation.op === "open" && operation.slot === clone?.fallback,
  );
  const unified = opened?.op === "open" ? opened.path : "";
  return pidsLevels({ ...cgroup, unified, pidsLevels: [] });
}

/** pids.current and pids.max of the container's cgroup and its ancestors, innermost first. */
function pidsLevels(cgroup: CgroupJoin): Level[] {
  const files =
    cgroup.pidsLevels.length > 0 ? cgroup.pidsLevels : unifiedLevels(cgroup.unified ?? "");
  const levels: Level[] = [];
  for (const { current, max } of files) {
    const limit = readTextIfAny(max)?.trim();
    const used = readTextIfAny(current)?.trim();
    if (limit === undefined || used === undefined) continue;
    levels.push({
      folder: current.slice(0, current.lastIndexOf("/")),
      current: Number(used),
      max: limit === "max" ? Number.POSITIVE_INFINITY : Number(limit),
    });
  }
  return levels;
}

function unifiedLevels(folder: string): { current: string; max: string }[] {
  const levels: { current: string; max: string }[] = [];
  let at = folder;
  for (let step = 0; step < MAX_LEVELS && at !== ""; step++) {
    levels.push({ current: `${at}/pids.current`, max: `${at}/pids.max` });
    at = at.slice(0, at.lastIndexOf("/"));
  }
  return levels;
}

function fullLevel(level: Level): FoundCause {
  const { folder, current, max } = level;
  const evidence: Evidence[] = [
    { kind: "cgroup", value: `pids.current ${current} of pids.max ${max}`, ref: folder },
  ];
  const used = `${current} of ${max} processes and threads`;
  const raise = "raise the pids limit (docker update --pids-limit)";
  const holders = holdersOf(folder);
  if (!holders) {
    const words = {
      causeId: "pids-cgroup-full",
      cause: `the pids cgroup ${folder} is full: ${used}`,
      fix: `${raise}, or end what runs in it`,
    };
    return { evidence, words };
  }
  const { most, alike } = holders;
  const process = `process ${most.pid} (${most.name})`;
  const holds = `${process} holds ${most.threads} of them`;
  evidence.push({ kind: "cgroup", value: holds, ref: `/proc/${most.pid}/status` });
  const crowd = alike.count > 1 ? `; ${alike.count} processes are called ${alike.name}` : "";
  const leak = most.threads >= alike.count ? process : `what starts ${alike.name}`;
  return {
    evidence,
    words: {
      causeId: "pids-cgroup-full",
      cause: `the pids cgroup ${folder} is full: ${used}; ${holds}${crowd}`,
      fix: `${raise}, or fix the leak in ${leak}`,
    },
  };
}

interface Holders {
  /** The process with most threads. */
  most: { pid: number; name: string; threads: number };
  /** The name that most processes have. */
  alike: { name: string; count: number };
}

/** Who uses up a cgroup: one process by its threads, or one program by its processes. */
function holdersOf(folder: string): Holders | undefined {
  let most: Holders["most"] | undefined;
  const counts = new Map<string, number>();
  for (const pid of processesBelow(folder)) {
    const status = readTextIfAny(`/proc/${pid}/status`);
    const name = status?.match(/^Name:\s*(.*)$/m)?.[1];
    const threads = Number(status?.match(/^Threads:\s*(\d+)$/m)?.[1]);
    if (name === undefined || !threads) continue;
    if (!most || threads > most.threads) most = { pid, name, threads };
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  if (!most) return undefined;
  const alike = { name: most.name, count: 0 };
  for (const [name, count] of counts)
    if (count > alike.count) Object.assign(alike, { name, count });
  return { most, alike };
}

function processesBelow(folder: string): number[] {
  const pids: number[] = [];
  const folders = [folder];
  for (let at = 0; at < folders.length && at < MAX_PROCESSES; at++) {
    const text = readTextIfAny(`${folders[at]}/cgroup.procs`) ?? "";
    for (const line of text.split("\n")) if (line !== "") pids.push(Number(line));
    if (pids.length >= MAX_PROCESSES) return pids.slice(0, MAX_PROCESSES);
    try {
      for (const { name, isFolder } of listFolder(folders[at]!)) {
        if (isFolder) folders.push(`${folders[at]}/${name}`);
      }
    } catch {
      // Removed meanwhile.
    }
  }
  return pids;
}

/** Kills by the memory cgroup so far; undefined where it cannot be read. */
export function oomKills(cgroup: CgroupJoin): number | undefined {
  const memory = cgroup.v1.find(({ controllers }) => controllers.includes("memory"))?.path;
  if (!memory && !cgroup.pureV2) return undefined;
  const text = memory
    ? readTextIfAny(`${memory}/memory.oom_control`)
    : readTextIfAny(`${cgroup.unified}/memory.events`);
  const found = text?.match(/^oom_kill (\d+)$/m)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Whether the memory cgroup killed something during the launch, and init died by that signal. */
export function oomKilled({ oomKillsBefore, cgroup, status }: FailureContext): boolean {
  const after = oomKills(cgroup);
  if (after === undefined || oomKillsBefore === undefined) return false;
  return after > oomKillsBefore && (status?.signal === undefined || status.signal === SIGKILL);
}

/** Init's death as the memory cgroup's doing. */
export function oomCause(context: FailureContext): FoundCause | undefined {
  const { oomKillsBefore, cgroup, create, containerPid } = context;
  if (!oomKilled(context)) return undefined;
  const memory = cgroup.v1.find(({ controllers }) => controllers.includes("memory"))?.path;
  const folder = memory ?? cgroup.unified ?? "";
  const limit = (
    readTextIfAny(`${folder}/${memory ? "memory.limit_in_bytes" : "memory.max"}`) ?? ""
  ).trim();
  const value = `oom_kill ${oomKillsBefore} to ${oomKills(cgroup)}, limit ${limit}`;
  const whole = containerPid !== undefined && isGone(containerPid);
  const victim = whole
    ? "the container's main process, and the new one with it"
    : "the new process";
  return {
    evidence: [{ kind: "cgroup", value, ref: folder }],
    words: {
      causeId: create ? "memcg-oom-init" : "memcg-oom-exec",
      cause: `the memory cgroup ${folder} killed ${victim}: its limit is ${limit} bytes`,
      fix: "raise the memory limit; files in tmpfs such as /dev/shm count against it",
    },
  };
}

/** Ended, whether or not its parent has reaped it. */
function isGone(pid: number): boolean {
  const text = readTextIfAny(`/proc/${pid}/stat`);
  return text === undefined || /^[ZX]/.test(text.slice(text.lastIndexOf(")") + 2));
}
