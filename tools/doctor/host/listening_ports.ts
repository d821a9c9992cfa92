import type { HostFiles } from "./host_files.ts";
import { findSocketOwner } from "./unix_sockets.ts";

export interface PortHolder {
  port: number;
  protocol: string;
  /** Undefined when no process of ours to see holds it. */
  pid?: number;
}

const TCP_LISTEN = "0A";
const UDP_UNCONNECTED = "07";
const MAX_TABLE_BYTES = 8 * 1024 * 1024;

/** Which of the wanted ports somebody listens on, on this host, and who. */
export function findPortHolders(
  files: HostFiles,
  pids: Iterable<number>,
  wanted: { hostPort: number; protocol: string }[],
): PortHolder[] {
  const all = [...pids];
  const out: PortHolder[] = [];
  for (const { hostPort, protocol } of wanted) {
    const inode = inodeOf(files, hostPort, protocol);
    if (inode === undefined) continue;
    const pid = findSocketOwner(files, all, inode);
    out.push({ port: hostPort, protocol, ...(pid !== undefined && { pid }) });
  }
  return out;
}

/** Rows of /proc/net/{tcp,udp}{,6}: "sl local_address rem_address st … inode". */
function inodeOf(files: HostFiles, port: number, protocol: string): string | undefined {
  const state = protocol === "udp" ? UDP_UNCONNECTED : TCP_LISTEN;
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  for (const table of [protocol, `${protocol}6`]) {
    for (const line of (files.read(`/proc/net/${table}`, MAX_TABLE_BYTES) ?? "").split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hex}`) && fields[3] === state) return fields[9];
    }
  }
  return undefined;
}
