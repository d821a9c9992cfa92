import type { Evidence } from "#lib/errors/frame.ts";
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
  const full = pidsLevels(context.cgroup).find(({ current, max }) => current >= max);
  return full ? fullLevel(full) : hostLimits();
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
  const most = busiestProcess(folder);
  if (most) {
    evidence.push({
      kind: "cgroup",
      value: `process ${most.pid} (${most.name}) holds ${most.threads} of them`,
      ref: `/proc/${most.pid}/status`,
    });
  }
  const used = `${current} of ${max} processes and threads`;
  const raise = "raise the pids limit (docker update --pids-limit)";
  const holder = most
    ? `; most of them, ${most.threads}, are threads of process ${most.pid} (${most.name})`
    : "";
  return {
    evidence,
    words: {
      causeId: "pids-cgroup-full",
      cause: `the pids cgroup ${folder} is full: ${used}${holder}`,
      fix: most
        ? `${raise}, or fix the leak in ${most.name} (process ${most.pid})`
        : `${raise}, or end what runs in it`,
    },
  };
}

interface BusyProcess {
  pid: number;
  name: string;
  threads: number;
}

/** The process below a cgroup that has most threads. */
function busiestProcess(folder: string): BusyProcess | undefined {
  let best: BusyProcess | undefined;
  for (const pid of processesBelow(folder)) {
    const status = readTextIfAny(`/proc/${pid}/status`);
    const name = status?.match(/^Name:\s*(.*)$/m)?.[1];
    const threads = Number(status?.match(/^Threads:\s*(\d+)$/m)?.[1]);
    if (name === undefined || !threads) continue;
    if (!best || threads > best.threads) best = { pid, name, threads };
  }
  return best;
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

/** No cgroup is full: what the host as a whole allows. */
function hostLimits(): FoundCause {
  const total = Number((readTextIfAny("/proc/loadavg") ?? "").match(/\/(\d+) /)?.[1]);
  const threadsMax = Number(readTextIfAny("/proc/sys/kernel/threads-max"));
  const pidMax = Number(readTextIfAny("/proc/sys/kernel/pid_max"));
  const evidence: Evidence[] = [
    { kind: "rlimit", value: `${total} threads of threads-max ${threadsMax}, pid_max ${pidMax}` },
  ];
  if (total >= threadsMax * 0.99) {
    return {
      evidence,
      words: {
        causeId: "threads-max",
        cause: `the host has ${total} threads, its kernel.threads-max is ${threadsMax}`,
        fix: "raise kernel.threads-max, or find what leaks threads",
      },
    };
  }
  if (total >= pidMax * 0.99) {
    return {
      evidence,
      words: {
        causeId: "pid-max",
        cause: `the host has ${total} threads, its kernel.pid_max is ${pidMax}`,
        fix: "raise kernel.pid_max, or find what leaks processes",
      },
    };
  }
  return { evidence, words: {} };
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
