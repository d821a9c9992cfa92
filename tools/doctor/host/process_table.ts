import type { HostFiles } from "./host_files.ts";

/** One process as /proc shows it. */
export interface HostProcess {
  pid: number;
  ppid: number;
  comm: string;
  /** R, S, D, T (stopped), t (traced), Z (zombie), I, X. */
  state: string;
  threads: number;
  /** Clock ticks after boot. */
  startTicks: number;
  argv: string[];
}

/** kernel.pid_max cannot be larger on 64-bit machines. */
const MAX_PROCESSES = 4 * 1024 * 1024;
const MAX_CMDLINE_BYTES = 64 * 1024;

/** All processes of the host that /proc shows, by process id. */
export function readProcessTable(files: HostFiles): Map<number, HostProcess> {
  const table = new Map<number, HostProcess>();
  for (const name of files.list("/proc")) {
    if (!/^[0-9]+$/.test(name) || table.size >= MAX_PROCESSES) continue;
    const found = readProcess(files, Number(name));
    if (found) table.set(found.pid, found);
  }
  return table;
}

/** One process, or undefined when it is gone. */
export function readProcess(files: HostFiles, pid: number): HostProcess | undefined {
  const stat = files.read(`/proc/${pid}/stat`, 4096);
  // The name may hold spaces and parentheses: it ends at the last one.
  const match = stat?.match(/^[0-9]+ \((.*)\) (\S) (.*)/s);
  if (!match) return undefined;
  const fields = match[3]!.trim().split(" ").map(Number);
  const state = match[2]!;
  return {
    pid,
    comm: match[1]!,
    state,
    ppid: fields[0]!,
    threads: fields[16]!,
    startTicks: fields[18]!,
    // Reading the command line of a process in D state can wait for its memory lock forever.
    argv: state === "D" || state === "Z" ? [] : readArgv(files, pid),
  };
}

function readArgv(files: HostFiles, pid: number): string[] {
  const text = files.read(`/proc/${pid}/cmdline`, MAX_CMDLINE_BYTES);
  if (!text) return [];
  return text.replace(/\0+$/, "").split("\0");
}

/** The named fields of /proc/PID/status. */
export function readStatus(files: HostFiles, pid: number): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of (files.read(`/proc/${pid}/status`, 16384) ?? "").split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) out.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  return out;
}

/** A soft and a hard limit of /proc/PID/limits; Infinity for "unlimited". */
export interface Limit {
  soft: number;
  hard: number;
}

/** Reads one row of /proc/PID/limits, such as "Max open files". */
export function readLimit(files: HostFiles, pid: number, name: string): Limit | undefined {
  const text = files.read(`/proc/${pid}/limits`, 8192);
  const row = text?.split("\n").find((line) => line.startsWith(name));
  const values = row?.slice(name.length).trim().split(/\s+/);
  if (!values || values.length < 2) return undefined;
  const number = (word: string) => (word === "unlimited" ? Number.POSITIVE_INFINITY : Number(word));
  return { soft: number(values[0]!), hard: number(values[1]!) };
}

/** The value of a flag in an argument vector: `-x v`, `--x v`, `--x=v`. */
export function flagValue(argv: string[], ...names: string[]): string | undefined {
  return flagValues(argv, ...names)[0];
}

/** All values of a flag that may be repeated. */
export function flagValues(argv: string[], ...names: string[]): string[] {
  const out: string[] = [];
  argv.forEach((word, index) => {
    for (const name of names) {
      if (word === name && argv[index + 1] !== undefined) out.push(argv[index + 1]!);
      else if (word.startsWith(`${name}=`)) out.push(word.slice(name.length + 1));
    }
  });
  return out;
}
