import type { HostFiles } from "./host_files.ts";

const ACCEPTS_CONNECTIONS = 0x10000;

/** Paths of unix sockets that somebody listens on, with their inode numbers. */
export function readListeningSockets(files: HostFiles): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of (files.read("/proc/net/unix", 8 * 1024 * 1024) ?? "").split("\n").slice(1)) {
    const match = line.match(/^\S+ \S+ \S+ (\S+) \S+ \S+ +([0-9]+) (.+)$/);
    if (!match) continue;
    if ((Number.parseInt(match[1]!, 16) & ACCEPTS_CONNECTIONS) === 0) continue;
    out.set(match[3]!, match[2]!);
  }
  return out;
}

/** Which of `pids` holds the socket with this inode number. */
export function findSocketOwner(
  files: HostFiles,
  pids: Iterable<number>,
  inode: string,
): number | undefined {
  const wanted = `socket:[${inode}]`;
  for (const pid of pids) {
    for (const fd of files.list(`/proc/${pid}/fd`)) {
      if (files.link(`/proc/${pid}/fd/${fd}`) === wanted) return pid;
    }
  }
  return undefined;
}
