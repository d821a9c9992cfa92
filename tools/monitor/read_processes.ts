import type { QuickFiles } from "./quick_files.ts";
import { MAX_NAMES, type NamedThreads } from "./sample.ts";

/** Processes looked at in one container and scan; the kernel's own count covers the rest. */
const MAX_PROCESSES = 512;
/** Where /proc/PID/stat has num_threads: so many spaces behind the state. */
const THREADS_FIELD = 17;
const MAX_DIGITS = 20;

/** What the processes of a container add to its cgroup's counters. */
export interface ProcessFigures {
  processes: number;
  descriptors: number;
  /** The process with the most descriptors open. */
  most?: { pid: number; process: string; open: number };
  byName: NamedThreads[];
}

/** Reads a container's processes: those of its cgroup and of the cgroups below it. */
export function readProcesses(files: QuickFiles, cgroups: string[]): ProcessFigures {
  const figures: ProcessFigures = { processes: 0, descriptors: 0, byName: [] };
  const names = new Map<string, NamedThreads>();
  for (const folder of cgroups) {
    const text = files.text(`${folder}/cgroup.procs`);
    if (text === undefined || text === "") continue;
    for (const pid of text.split("\n")) {
      if (pid === "" || pid === "0") continue;
      figures.processes += 1;
      if (figures.processes <= MAX_PROCESSES) addProcess(files, pid, figures, names);
    }
  }
  figures.byName = [...names.values()]
    .sort((left, right) => right.threads - left.threads)
    .slice(0, MAX_NAMES);
  return figures;
}

function addProcess(
  files: QuickFiles,
  pid: string,
  figures: ProcessFigures,
  names: Map<string, NamedThreads>,
): void {
  const stat = files.text(`/proc/${pid}/stat`);
  if (stat === undefined) return;
  // The name may hold spaces and parentheses: it ends at the last one.
  const end = stat.lastIndexOf(")");
  const process = stat.slice(stat.indexOf("(") + 1, end);
  const threads = fieldAfter(stat, end + 2, THREADS_FIELD);
  const known = names.get(process);
  if (known) {
    known.threads += threads;
    known.processes += 1;
  } else {
    names.set(process, { process, threads, processes: 1 });
  }
  const open = files.descriptors(pid);
  figures.descriptors += open;
  if (open > (figures.most?.open ?? 0)) figures.most = { pid: Number(pid), process, open };
}

/** The number after so many spaces: a whole split would make texts of all that stand before. */
function fieldAfter(text: string, from: number, spaces: number): number {
  let at = from;
  for (let count = 0; count < spaces; count++) {
    at = text.indexOf(" ", at) + 1;
    if (at === 0) return 0;
  }
  return Number.parseInt(text.slice(at, at + MAX_DIGITS), 10);
}

/** The soft limit of open files of a process; Infinity when it has none or is gone. */
export function readOpenFilesLimit(files: QuickFiles, pid: number): number {
  const row = files.text(`/proc/${pid}/limits`)?.match(/^Max open files +(\S+)/m);
  const value = Number(row?.[1]);
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
}
