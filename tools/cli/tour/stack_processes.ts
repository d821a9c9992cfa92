import { readFileSync, readlinkSync } from "node:fs";
import { neutralText } from "#lib/errors/neutral_text.ts";
import { surveyHost } from "#tools/doctor/discover/find_stacks.ts";
import { HostFiles } from "#tools/doctor/host/host_files.ts";
import { readProcess } from "#tools/doctor/host/process_table.ts";
import { textTable } from "../io/table.ts";

const NAMESPACES = ["pid", "mnt", "net", "ipc", "uts", "cgroup", "user"];

/** The processes behind one container of the stack in `state`, the daemons' first. */
export interface StackProcesses {
  daemon?: number;
  shim?: number;
  keeper: number;
  program: number;
}

/** Finds who stands behind the container whose first process is `program`, by /proc and sockets. */
export function findStackProcesses(state: string, program: number): StackProcesses {
  const files = new HostFiles();
  const options = { stateDir: state, program: [], probe: false, readOnly: true };
  const { stacks } = surveyHost(files, options);
  const ours = stacks.find(({ containerd }) => containerd?.socket === `${state}/containerd.sock`);
  const keeper = readProcess(files, program)?.ppid ?? 0;
  const daemon = ours?.docker?.pid ?? ours?.containerd?.pid;
  const shim = ours?.shims.at(0)?.pid;
  return {
    keeper,
    program,
    ...(daemon !== undefined && { daemon }),
    ...(shim !== undefined && { shim }),
  };
}

/** A table of processes: link, pid, parent, threads, private memory, and what started it. */
export function drawProcesses(found: StackProcesses): string {
  const files = new HostFiles();
  const rows: string[][] = [];
  const add = (link: string, pid: number | undefined) => {
    const process = pid === undefined ? undefined : readProcess(files, pid);
    if (!process) return;
    const words = neutralText(process.argv.join(" "));
    rows.push([
      link,
      String(process.pid),
      String(process.ppid),
      String(process.threads),
      privateMegabytes(process.pid),
      words.length > 60 ? `${words.slice(0, 59)}…` : words,
    ]);
  };
  add("dockershim, dockerd, containerd", found.daemon);
  add("shim, and runc in it", found.shim);
  add("keeper", found.keeper);
  add("the program", found.program);
  return textTable(["LINK", "PID", "PARENT", "THREADS", "PRIVATE", "COMMAND"], rows);
}

/** Which cgroups a process is counted in, a line each. */
export function drawCgroups(pid: number): string {
  const lines = (readText(`/proc/${pid}/cgroup`) ?? "").trim().split("\n");
  return lines.map((line) => `  ${neutralText(line)}`).join("\n");
}

/** Which namespaces a process has for its own and which it shares with this host's first one. */
export function drawNamespaces(pid: number): string {
  const own: string[] = [];
  const shared: string[] = [];
  for (const name of NAMESPACES) {
    const theirs = readLink(`/proc/${pid}/ns/${name}`);
    if (theirs === undefined) continue;
    if (theirs === readLink(`/proc/self/ns/${name}`)) shared.push(name);
    else own.push(theirs);
  }
  return `  its own: ${own.join(" ")}\n  shared with the host: ${shared.join(" ") || "none"}`;
}

function privateMegabytes(pid: number): string {
  const text = readText(`/proc/${pid}/smaps_rollup`) ?? "";
  const kilobytes = [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  return `${(kilobytes / 1024).toFixed(1)} MB`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
