import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

export interface ProcessEntry {
  pid: number;
  parent: number;
  /** The command line with spaces, or the name in brackets when it has none. */
  command: string;
  /** The paths of /proc/PID/cgroup, one a line. */
  cgroups: string;
}

/** Reads one process. Undefined when it is gone. */
export function readProcess(pid: number): ProcessEntry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    const cgroups = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    return { pid, parent, command: line === "" ? `[${name}]` : line, cgroups };
  } catch {
    return undefined;
  }
}

export function processIds(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/**
 * The processes that belong to one private test folder: those whose command line, program, root or
 * cgroup name it, daemonised ones that merely work in it or hold files of it, and all their
 * descendants. This process is never among them.
 */
export function processesOf(folder: string, tag: string): ProcessEntry[] {
  const all = new Map<number, ProcessEntry>();
  for (const pid of processIds()) {
    const entry = readProcess(pid);
    if (entry) all.set(pid, entry);
  }
  const owned = new Set<number>();
  const adopters = ancestors(all);
  for (const entry of all.values()) {
    if (entry.pid === process.pid || adopters.has(entry.pid)) continue;
    // Anyone's shell may stand in the folder; only what was daemonised is then counted as ours.
    const daemonised = adopters.has(entry.parent);
    if (namesIt(entry, folder, tag) || (daemonised && worksIn(entry.pid, folder))) {
      owned.add(entry.pid);
    }
  }
  addDescendants(all, owned);
  return [...owned].sort((a, b) => a - b).map((pid) => all.get(pid)!);
}

/** This process's ancestors: the only ones that an orphan of ours can be adopted by. */
function ancestors(all: Map<number, ProcessEntry>): Set<number> {
  const found = new Set<number>([1]);
  let parent = all.get(process.pid)?.parent;
  while (parent !== undefined && parent > 0 && !found.has(parent)) {
    found.add(parent);
    parent = all.get(parent)?.parent;
  }
  return found;
}

function namesIt(entry: ProcessEntry, folder: string, tag: string): boolean {
  if (entry.command.includes(folder) || entry.command.includes(tag)) return true;
  if (entry.cgroups.includes(tag)) return true;
  return ["root", "exe"].some((name) => readLink(`/proc/${entry.pid}/${name}`)?.startsWith(folder));
}

function worksIn(pid: number, folder: string): boolean {
  const places = [readLink(`/proc/${pid}/cwd`), ...descriptorTargets(pid)];
  return places.some((path) => path?.startsWith(folder));
}

function addDescendants(all: Map<number, ProcessEntry>, owned: Set<number>): void {
  for (let grown = true; grown; ) {
    grown = false;
    for (const entry of all.values()) {
      if (owned.has(entry.parent) && !owned.has(entry.pid)) {
        owned.add(entry.pid);
        grown = true;
      }
    }
  }
}

/** What the open descriptors of a process refer to; empty when it is gone. */
export function descriptorTargets(pid: number): string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).flatMap((fd) => readLink(join(folder, fd)) ?? []);
  } catch {
    return [];
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
