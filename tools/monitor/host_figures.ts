import type { QuickFiles } from "./quick_files.ts";

/** What the whole host uses of its own limits. */
export interface HostFigures {
  threads: number;
  threadsMax: number;
  pidMax: number;
  filesOpen: number;
  filesMax: number;
  memoryTotalBytes: number;
  memoryAvailableBytes: number;
  load1: number;
  load5: number;
  load15: number;
}

const KIB = 1024;

/** Reads /proc's figures of the host; what cannot be read is 0, a limit Infinity. */
export function readHost(files: QuickFiles): HostFigures {
  const load = (files.text("/proc/loadavg") ?? "").split(" ");
  const fileUse = (files.text("/proc/sys/fs/file-nr") ?? "").split("\t").map(Number);
  const memory = files.text("/proc/meminfo") ?? "";
  const limit = (path: string) => files.number(path) ?? Number.POSITIVE_INFINITY;
  return {
    // "running/all" is the fourth word.
    threads: Number(load[3]?.split("/")[1] ?? 0),
    threadsMax: limit("/proc/sys/kernel/threads-max"),
    pidMax: limit("/proc/sys/kernel/pid_max"),
    filesOpen: fileUse[0] ?? 0,
    filesMax: fileUse[2] ?? Number.POSITIVE_INFINITY,
    memoryTotalBytes: kibibytes(memory, "MemTotal") * KIB,
    memoryAvailableBytes: kibibytes(memory, "MemAvailable") * KIB,
    load1: Number(load[0] ?? 0),
    load5: Number(load[1] ?? 0),
    load15: Number(load[2] ?? 0),
  };
}

function kibibytes(text: string, name: string): number {
  const at = text.indexOf(`${name}:`);
  return at < 0 ? 0 : Number.parseInt(text.slice(at + name.length + 1), 10) || 0;
}
