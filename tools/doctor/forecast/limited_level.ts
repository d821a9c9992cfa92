import type { DaemonFacts, Facts } from "../facts.ts";
import { readMemory } from "../host/cgroup_counters.ts";
import type { HostFiles } from "../host/host_files.ts";
import { readProcess } from "../host/process_table.ts";

/** Something that grows towards a limit. */
export interface LimitedLevel {
  /** The same for the same thing in a later look, and for nothing else. */
  key: string;
  /** What is counted: "pids of the container". */
  what: string;
  current: number;
  limit: number;
  unit: "count" | "bytes";
  /** The file or folder that shows it. */
  ref: string;
  /** Reads it again. Undefined when it is gone. */
  read(files: HostFiles): number | undefined;
}

/** Everything of a container and its daemons that has a limit which it could reach. */
export function limitedLevels(files: HostFiles, facts: Facts): LimitedLevel[] {
  return [
    ...pidsLevels(facts),
    ...memoryLevels(files, facts),
    ...[
      descriptors(files, "shim", facts.shim),
      descriptors(files, "containerd", facts.containerd),
      descriptors(files, "dockerd", facts.docker),
    ].filter((level) => level !== undefined),
  ];
}

function pidsLevels(facts: Facts): LimitedLevel[] {
  const levels = facts.cgroup?.pids.filter((level) => Number.isFinite(level.max)) ?? [];
  return levels.map(({ folder, current, max }) => ({
    key: `pids:${folder}`,
    what: "pids",
    current,
    limit: max,
    unit: "count",
    ref: `${folder}/pids.current`,
    read: (files) => readCount(files, `${folder}/pids.current`),
  }));
}

function memoryLevels(files: HostFiles, facts: Facts): LimitedLevel[] {
  const out: LimitedLevel[] = [];
  for (const { folder, pinnedBytes, limitBytes } of facts.cgroup?.memory ?? []) {
    if (!Number.isFinite(limitBytes) || pinnedBytes === undefined) continue;
    const version = files.exists(`${folder}/memory.usage_in_bytes`) ? 1 : 2;
    const usage = `${folder}/memory.${version === 1 ? "usage_in_bytes" : "current"}`;
    let last = { usage: readCount(files, usage), pinned: pinnedBytes as number | undefined };
    out.push({
      key: `memory:${folder}`,
      what: "memory that cannot be taken back",
      current: pinnedBytes,
      limit: limitBytes,
      unit: "bytes",
      ref: folder,
      // The kernel adds up memory.stat for each reader: it is asked only when something changed.
      read: (now) => {
        const used = readCount(now, usage);
        if (used !== last.usage) {
          last = { usage: used, pinned: readMemory(now, folder, version)?.pinnedBytes };
        }
        return last.pinned;
      },
    });
  }
  return out;
}

function readCount(files: HostFiles, path: string): number | undefined {
  const text = files.read(path, 64)?.trim();
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}

function descriptors(
  files: HostFiles,
  what: string,
  daemon: DaemonFacts | undefined,
): LimitedLevel | undefined {
  const { pid, descriptors: use } = daemon ?? {};
  if (pid === undefined || !use || !Number.isFinite(use.softLimit)) return undefined;
  return {
    // A process id may be given anew: its start makes it one process.
    key: `fd:${pid}:${readProcess(files, pid)?.startTicks ?? 0}`,
    what: `${what}'s descriptors`,
    current: use.open,
    limit: use.softLimit,
    unit: "count",
    ref: `/proc/${pid}/fd`,
    read: (now) => now.list(`/proc/${pid}/fd`).length || undefined,
  };
}
