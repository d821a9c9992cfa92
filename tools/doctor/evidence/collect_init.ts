import type { InitFacts } from "../facts.ts";
import type { HostFiles } from "../host/host_files.ts";
import { mountOf, readMounts } from "../host/mount_table.ts";
import { type HostProcess, readLimit, readProcess, readStatus } from "../host/process_table.ts";
import { lookupInRootfs } from "../host/rootfs_lookup.ts";
import { settledState } from "../host/settled_state.ts";

/** A runtime opens the first itself; programs die without the others. */
const DEVICES = ["/dev/null", "/dev/zero", "/dev/urandom"];
const CAP_SYS_ADMIN = 21n;
const CAP_SYS_RESOURCE = 24n;

/**
 * A container's first process and what it sees. `startTicks`, where state.json gives it, tells a
 * process id that was given to somebody else.
 */
export function collectInit(
  files: HostFiles,
  processes: Map<number, HostProcess>,
  pid: number,
  startTicks: number | undefined,
): InitFacts {
  const process = readProcess(files, pid);
  const same = startTicks === undefined || process?.startTicks === startTicks;
  const facts: InitFacts = {
    pid,
    alive: process !== undefined && same && process.state !== "Z" && process.state !== "X",
    limitExempt: false,
    mountsSeen: false,
    procMounted: false,
    ptmxExists: false,
    devptsMounted: false,
    missingDevices: [],
    rootReadonly: false,
    writable: [],
    rootfs: `/proc/${pid}/root`,
  };
  if (!process || !same) return facts;
  facts.state = settledState(files, pid, process.state);
  // A process in D state may hold the locks that further reading waits for.
  if (facts.state !== "D" && facts.alive) addDetails(files, processes, facts);
  return facts;
}

function addDetails(files: HostFiles, processes: Map<number, HostProcess>, facts: InitFacts): void {
  const status = readStatus(files, facts.pid);
  const uid = status.get("Uid")?.split(/\s+/)[0];
  if (uid !== undefined) facts.uid = Number(uid);
  const seccomp = status.get("Seccomp");
  if (seccomp !== undefined) facts.seccompMode = Number(seccomp);
  const capabilities = BigInt(`0x${status.get("CapEff") ?? "0"}`);
  const has = (bit: bigint) => ((capabilities >> bit) & 1n) === 1n;
  facts.limitExempt = facts.uid === 0 || has(CAP_SYS_ADMIN) || has(CAP_SYS_RESOURCE);
  const limit = readLimit(files, facts.pid, "Max processes");
  if (limit) facts.processLimit = limit.soft;
  if (facts.uid !== undefined && limit && Number.isFinite(limit.soft) && !facts.limitExempt) {
    facts.userTasks = countTasksOf(files, processes, facts.uid);
  }
  addMounts(files, facts);
}

function addMounts(files: HostFiles, facts: InitFacts): void {
  const mounts = readMounts(files, facts.pid);
  facts.mountsSeen = mounts.length > 0 && files.stat(`${facts.rootfs}/`) !== undefined;
  if (!facts.mountsSeen) return;
  facts.procMounted = mountOf(mounts, "/proc")?.type === "proc" && mounts.some(atProc);
  facts.devptsMounted = mounts.some((mount) => mount.type === "devpts");
  facts.rootReadonly = mountOf(mounts, "/")?.options.includes("ro") ?? false;
  const rw = mounts.filter((mount) => mount.point !== "/" && mount.options.includes("rw"));
  facts.writable = rw.map((mount) => mount.point);
  facts.missingDevices = DEVICES.filter((path) => {
    return lookupInRootfs(files, facts.rootfs, path)?.stat.isCharacterDevice() !== true;
  });
  facts.ptmxExists = lookupInRootfs(files, facts.rootfs, "/dev/ptmx") !== undefined;
}

function atProc(mount: { point: string; type: string }): boolean {
  return mount.point === "/proc" && mount.type === "proc";
}

/** Threads of a user on the whole host: what RLIMIT_NPROC counts. */
export function countTasksOf(
  files: HostFiles,
  processes: Map<number, HostProcess>,
  uid: number,
): number {
  let tasks = 0;
  for (const process of processes.values()) {
    const real = readStatus(files, process.pid).get("Uid")?.split(/\s+/)[0];
    if (real !== undefined && Number(real) === uid) tasks += process.threads;
  }
  return tasks;
}
