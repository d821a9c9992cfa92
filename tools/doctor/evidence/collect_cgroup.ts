import { join } from "node:path";
import type { CgroupFacts } from "../facts.ts";
import {
  type MemoryLevel,
  type PidsLevel,
  readFrozen,
  readMemory,
  readPids,
} from "../host/cgroup_counters.ts";
import {
  ancestors,
  type CgroupMounts,
  controllerFolder,
  readCgroupFolders,
} from "../host/cgroup_tree.ts";
import type { HostFiles } from "../host/host_files.ts";
import { type HostProcess, readProcess } from "../host/process_table.ts";
import { settledState } from "../host/settled_state.ts";

const MAX_LISTED_PROCESSES = 10_000;

/** Levels that were read already: containers share their ancestors, and a root is dear to read. */
export interface SeenLevels {
  pids: Map<string, PidsLevel | undefined>;
  memory: Map<string, MemoryLevel | undefined>;
}

function once<T>(known: Map<string, T>, folder: string, read: () => T): T {
  if (!known.has(folder)) known.set(folder, read());
  return known.get(folder)!;
}

/**
 * The cgroup of a container: counters up the tree, who is in it, and whether the folders that the
 * runtime will join (state.json's) are still there and still init's.
 */
export function collectCgroup(
  files: HostFiles,
  cgroups: CgroupMounts,
  processes: Map<number, HostProcess>,
  initPid: number | undefined,
  expected: Map<string, string>,
  seen: SeenLevels = { pids: new Map(), memory: new Map() },
): CgroupFacts {
  const actual =
    initPid === undefined ? new Map<string, string>() : readCgroupFolders(files, cgroups, initPid);
  const folders = actual.size > 0 ? actual : expected;
  const facts: CgroupFacts = {
    pids: [],
    memory: [],
    frozen: undefined,
    missing: [],
    moved: [],
    processes: [],
  };
  const pids = controllerFolder(folders, "pids");
  if (pids) {
    const levels = ancestors(cgroups, pids.folder).map((folder) =>
      once(seen.pids, folder, () => readPids(files, folder)),
    );
    facts.pids = levels.filter((level) => level !== undefined);
    // Moved out of its own, it is among others, in a root among the whole host's.
    const own = expected.get("pids") ?? expected.get("");
    const among = levels.length <= 1 || (own !== undefined && !within(pids.folder, own));
    if (!among) facts.processes = readMembers(files, processes, pids.folder);
  }
  const memory = controllerFolder(folders, "memory");
  if (memory) {
    const levels = ancestors(cgroups, memory.folder).map((folder) =>
      once(seen.memory, folder, () => readMemory(files, folder, memory.version)),
    );
    facts.memory = levels.filter((level) => level !== undefined);
  }
  const freezer = controllerFolder(folders, "freezer");
  if (freezer) {
    facts.frozen = readFrozen(files, freezer.folder, freezer.version);
    facts.freezerFile = join(
      freezer.folder,
      freezer.version === 1 ? "freezer.state" : "cgroup.events",
    );
  }
  for (const [controller, folder] of expected) {
    const where = actual.get(controller === "name=systemd" ? "name=systemd" : controller);
    if (!files.exists(folder)) facts.missing.push(folder);
    else if (where !== undefined && !within(where, folder)) {
      facts.moved.push({ controller, expected: folder, actual: where });
    }
  }
  return facts;
}

/** systemd or Docker in a container moves init into a child of its cgroup: that is no fault. */
function within(actual: string, expected: string): boolean {
  return actual === expected || actual.startsWith(`${expected}/`);
}

function readMembers(
  files: HostFiles,
  processes: Map<number, HostProcess>,
  folder: string,
): CgroupFacts["processes"] {
  const text = files.read(join(folder, "cgroup.procs")) ?? "";
  const out: CgroupFacts["processes"] = [];
  for (const line of text.split("\n").slice(0, MAX_LISTED_PROCESSES)) {
    const pid = Number(line);
    if (!(pid > 0)) continue;
    const process = processes.get(pid) ?? readProcess(files, pid);
    if (!process) continue;
    const { ppid, comm, threads } = process;
    out.push({ pid, ppid, comm, threads, state: settledState(files, pid, process.state) });
  }
  // A zombie is counted by pids.current and left out of cgroup.procs: its parent tells.
  const members = new Set(out.map((process) => process.pid));
  for (const { pid, ppid, comm, threads, state } of processes.values()) {
    if (state !== "Z" || !members.has(ppid) || members.has(pid)) continue;
    out.push({ pid, ppid, comm, threads, state });
  }
  return out;
}
