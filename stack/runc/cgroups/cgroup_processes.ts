import { errnoOf, killProcess, listFolder, statFile } from "#lib/linux/file.ts";
import { readCgroupFileIfAny, writeCgroupFile } from "./cgroup_files.ts";
import { freezeCgroup, thawCgroup } from "./cgroup_freezer.ts";
import { type CgroupPaths, isUnified, mainFolder } from "./cgroup_path.ts";

/** Depth to which nested cgroups are followed: far beyond what nests in practice. */
const MAX_DEPTH = 64;
const SIGKILL = 9;
/** Rounds of "list and kill" for processes that fork while they are being killed. */
const KILL_ROUNDS = 10;

/** A cgroup and those nested in it, innermost last. */
export function cgroupTree(folder: string, depth = 0): string[] {
  if (depth > MAX_DEPTH || !statFile(folder)) return [];
  let entries: { name: string; isFolder: boolean }[];
  try {
    entries = listFolder(folder);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
  const nested = entries.filter(({ isFolder }) => isFolder);
  return [folder, ...nested.flatMap(({ name }) => cgroupTree(`${folder}/${name}`, depth + 1))];
}

/** Processes in a cgroup and those nested in it, by host pid. */
function processesBelow(folder: string): number[] {
  const pids: number[] = [];
  for (const each of cgroupTree(folder)) {
    for (const line of (readCgroupFileIfAny(each, "cgroup.procs") ?? "").split("\n")) {
      if (line !== "") pids.push(Number(line));
    }
  }
  return pids;
}

/** Host pids of every process of a container. Empty when its cgroup is gone. */
export function cgroupProcesses(paths: CgroupPaths): number[] {
  const folder = mainFolder(paths);
  return folder === undefined ? [] : processesBelow(folder);
}

function signalProcesses(pids: number[], signal: number): void {
  for (const pid of pids) {
    try {
      killProcess(pid, signal);
    } catch (error) {
      if (errnoOf(error) !== "ESRCH") throw error;
    }
  }
}

/**
 * Sends a signal to every process of a container. SIGKILL leaves none behind: cgroup.kill where the
 * kernel has it, else the cgroup is frozen first, so that a fork cannot outrun us.
 */
export function signalCgroup(paths: CgroupPaths, signal: number): void {
  if (signal !== SIGKILL) {
    signalProcesses(cgroupProcesses(paths), signal);
    return;
  }
  if (isUnified(paths) && statFile(`${paths[""]}/cgroup.kill`)) {
    writeCgroupFile(paths[""]!, "cgroup.kill", "1");
    return;
  }
  try {
    freezeCgroup(paths);
  } catch {
    // Without a freezer, several rounds of killing have to do.
  }
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const pids = cgroupProcesses(paths);
    if (pids.length === 0) break;
    signalProcesses(pids, SIGKILL);
    thawCgroup(paths);
    if (round > 0) Bun.sleepSync(10);
  }
  thawCgroup(paths);
}
