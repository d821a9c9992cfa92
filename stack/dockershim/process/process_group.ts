import { killProcess, listFolder, readTextIfAny } from "#lib/linux/file.ts";

const SIGKILL = 9;
/** Each round catches what was forked during the one before; a fork bomb is left to its cgroup. */
const MAX_ROUNDS = 10;

interface ProcessFacts {
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** Ticks since boot: with the pid, no other process is ever taken for this one. */
  startedAt: string;
  state: string;
}

/**
 * Kills a process and all that it started: its group, its session, and its descendants in other
 * sessions. Found again and killed until none is left, ten rounds at most. Returns how many were
 * killed. `pid` is that of the host.
 */
export function killProcessGroup(pid: number): number {
  const first = readFacts(pid);
  if (!first) return 0;
  const killed = new Set<string>();
  const family = new Set([pid]);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const members = membersOf(family, first.session === pid);
    if (members.length === 0) break;
    for (const member of members) {
      family.add(member.pid);
      killed.add(`${member.pid} ${member.startedAt}`);
      signal(member.pid);
    }
  }
  return killed.size;
}

/** Living processes of a family: members, their descendants, and what shares the session. */
function membersOf(family: ReadonlySet<number>, ledSession: boolean): ProcessFacts[] {
  const all = allProcesses();
  const known = new Set(family);
  const [leader] = family;
  const found = new Map<number, ProcessFacts>();
  // A child may come before its parent in the list: looked through until nothing is added.
  for (let grew = true; grew; ) {
    grew = false;
    for (const process of all) {
      if (found.has(process.pid) || process.state === "Z") continue;
      const sharesSession = ledSession && process.session === leader;
      if (!known.has(process.pid) && !known.has(process.parent) && !sharesSession) continue;
      known.add(process.pid);
      found.set(process.pid, process);
      grew = true;
    }
  }
  return [...found.values()];
}

function allProcesses(): ProcessFacts[] {
  return listFolder("/proc")
    .filter(({ name }) => /^[0-9]+$/.test(name))
    .flatMap(({ name }) => readFacts(Number(name)) ?? []);
}

/** /proc/PID/stat: the name in brackets may hold anything, so fields are counted after it. */
function readFacts(pid: number): ProcessFacts | undefined {
  const text = readTextIfAny(`/proc/${pid}/stat`);
  if (!text) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent, group, session] = fields;
  const startedAt = fields[19] ?? "";
  return {
    pid,
    state,
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startedAt,
  };
}

function signal(pid: number): void {
  try {
    killProcess(pid, SIGKILL);
  } catch {
    // It ended by itself.
  }
}
