import { cpus } from "node:os";
import type { HostFacts } from "../facts.ts";
import type { HostFiles } from "../host/host_files.ts";

/** Process ids below it are given out once, while the host starts (kernel/pid.c). */
export const RESERVED_PIDS = 300;

/** The host's own limits on processes, threads and keys. */
export function collectHost(files: HostFiles): HostFacts {
  const unreadable: string[] = [];
  const number = (path: string) => {
    const value = Number(files.read(path, 64)?.trim() || Number.NaN);
    if (!Number.isNaN(value)) return value;
    unreadable.push(path);
    return undefined;
  };
  const load = files.read("/proc/loadavg", 128)?.match(/ [0-9]+\/([0-9]+) /);
  const facts: HostFacts = {
    threads: load ? Number(load[1]) : undefined,
    threadsMax: number("/proc/sys/kernel/threads-max"),
    pidMax: number("/proc/sys/kernel/pid_max"),
    lowPids: files.list("/proc").filter((name) => Number(name) < RESERVED_PIDS).length,
    processors: cpus().length,
    unreadable,
  };
  const cgroups = files.read("/proc/cgroups", 65536)?.match(/^memory\s+\d+\s+(\d+)/m);
  if (cgroups) facts.memoryCgroups = Number(cgroups[1]);
  const keys = keyUsage(files.read("/proc/key-users", 65536));
  if (keys.length > 0) facts.keyUsage = keys;
  return facts;
}

/** Rows of /proc/key-users: "uid: usage nkeys/nikeys qnkeys/maxkeys qnbytes/maxbytes". */
function keyUsage(text: string | undefined): NonNullable<HostFacts["keyUsage"]> {
  const out: NonNullable<HostFacts["keyUsage"]> = [];
  for (const line of (text ?? "").split("\n")) {
    const match = line.match(/^\s*(\d+):\s+\d+ \d+\/\d+ (\d+)\/(\d+) (\d+)\/(\d+)/);
    if (!match) continue;
    const [uid, keys, maxKeys, bytes, maxBytes] = match.slice(1).map(Number);
    out.push({ uid: uid!, keys: keys!, maxKeys: maxKeys!, bytes: bytes!, maxBytes: maxBytes! });
  }
  return out;
}
