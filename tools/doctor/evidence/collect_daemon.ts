import type { Survey } from "../discover/find_stacks.ts";
import type { Answer, DaemonFacts, DescriptorUse } from "../facts.ts";
import { readPids } from "../host/cgroup_counters.ts";
import {
  ancestors,
  type CgroupMounts,
  controllerFolder,
  readCgroupFolders,
} from "../host/cgroup_tree.ts";
import type { HostFiles } from "../host/host_files.ts";
import { readLimit, readProcess } from "../host/process_table.ts";
import { settledState } from "../host/settled_state.ts";

const LOG_TAIL_BYTES = 256 * 1024;

/** What /proc, the socket table and the log tell of one daemon. Asks the daemon nothing. */
export function collectDaemon(
  survey: Survey,
  cgroups: CgroupMounts,
  pid: number | undefined,
  socket: string | undefined,
  answer?: Answer,
): DaemonFacts {
  const { files } = survey;
  const facts: DaemonFacts = {
    socketExists: socket !== undefined && files.exists(socket),
    listening: socket !== undefined && isListening(survey, socket),
    pids: [],
  };
  if (socket !== undefined) facts.socket = socket;
  if (answer) facts.answer = answer;
  if (pid === undefined) return facts;
  const process = readProcess(files, pid);
  if (!process) return facts;
  facts.pid = pid;
  facts.state = settledState(files, pid, process.state);
  const channel = files.read(`/proc/${pid}/wchan`, 128);
  if (channel && channel !== "0") facts.waitChannel = channel;
  const descriptors = readDescriptorUse(files, pid);
  if (descriptors) facts.descriptors = descriptors;
  facts.pids = readPidsLevels(files, cgroups, pid);
  const log = readOwnLog(files, pid);
  if (log) facts.log = log;
  return facts;
}

/** Whether the kernel's socket table has a listener on the path, under either name of /run. */
export function isListening(survey: Survey, socket: string): boolean {
  const other = socket.startsWith("/var/run/")
    ? socket.slice("/var".length)
    : socket.replace(/^\/run\//, "/var/run/");
  return survey.listening.has(socket) || survey.listening.has(other);
}

/** How many descriptors a process has open and may have. */
export function readDescriptorUse(files: HostFiles, pid: number): DescriptorUse | undefined {
  const limit = readLimit(files, pid, "Max open files");
  const open = files.list(`/proc/${pid}/fd`).length;
  // A daemon has some; none means that we may not look.
  return limit && open > 0 ? { open, softLimit: limit.soft } : undefined;
}

/** A process' pids cgroup and its ancestors, innermost first. */
export function readPidsLevels(files: HostFiles, cgroups: CgroupMounts, pid: number) {
  const own = controllerFolder(readCgroupFolders(files, cgroups, pid), "pids");
  if (!own) return [];
  return ancestors(cgroups, own.folder)
    .map((folder) => readPids(files, folder))
    .filter((level) => level !== undefined);
}

/** A daemon whose standard error is a file has its log there, whatever the log is called. */
export function ownLogPath(files: HostFiles, pid: number): string | undefined {
  const path = files.link(`/proc/${pid}/fd/2`);
  return path?.startsWith("/") && !path.startsWith("/dev/") ? path : undefined;
}

function readOwnLog(files: HostFiles, pid: number): DaemonFacts["log"] {
  const path = ownLogPath(files, pid);
  const text = path === undefined ? undefined : files.tail(path, LOG_TAIL_BYTES);
  return path === undefined || text === undefined ? undefined : { path, lines: text.split("\n") };
}
