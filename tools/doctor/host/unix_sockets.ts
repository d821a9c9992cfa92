import { parseListeningSockets } from "#lib/linux/listening_sockets.ts";
import type { HostFiles } from "./host_files.ts";

/** Paths of unix sockets that somebody listens on, with their inode numbers. */
export function readListeningSockets(files: HostFiles): Map<string, string> {
  return parseListeningSockets(files.read("/proc/net/unix", 8 * 1024 * 1024) ?? "");
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
