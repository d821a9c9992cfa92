import { ChainError, failure } from "#lib/errors/chain_error.ts";
import { listFolder, makeFolder, statFile } from "#lib/linux/file.ts";
import type { CgroupConfig } from "./cgroup_config.ts";
import { cgroupCallError, readCgroupNumber } from "./cgroup_files.ts";
import type { CgroupJoin } from "./cgroup_join.ts";
import { type CgroupPaths, isUnified } from "./cgroup_path.ts";
import { setDevices } from "./device_rules.ts";
import { setLimitsV2 } from "./limits_v2.ts";

/** A controller whose limit leaves no room for one more process. */
export interface FullLimit {
  controller: "pids" | "memory";
  /** The folder that is full: the container's own, or an ancestor's. */
  folder: string;
  usage: bigint;
  limit: bigint;
}

const FILES = {
  pids: { v1: ["pids.current", "pids.max"], v2: ["pids.current", "pids.max"] },
  memory: {
    v1: ["memory.usage_in_bytes", "memory.limit_in_bytes"],
    v2: ["memory.current", "memory.max"],
  },
} as const;

/** Less free memory than this cannot hold a shell and its page tables: counts as full. Bytes. */
const MEMORY_ROOM = 1n << 20n;

/** The levels of a cgroup, innermost first, as far as the controller's files go. */
function* levels(folder: string, file: string): Generator<string> {
  for (let at = folder; statFile(`${at}/${file}`); at = at.slice(0, at.lastIndexOf("/"))) yield at;
}

/** Which limits up a container's cgroup are full right now. */
export function fullLimits(paths: CgroupPaths): FullLimit[] {
  const unified = isUnified(paths);
  const full: FullLimit[] = [];
  for (const controller of ["pids", "memory"] as const) {
    const folder = unified ? paths[""] : paths[controller];
    if (folder === undefined) continue;
    const [current, max] = FILES[controller][unified ? "v2" : "v1"];
    const room = controller === "pids" ? 1n : MEMORY_ROOM;
    for (const level of levels(folder, max)) {
      const usage = readCgroupNumber(level, current);
      const limit = readCgroupNumber(level, max);
      if (usage !== undefined && limit !== undefined && usage + room > limit) {
        full.push({ controller, folder: level, usage, limit });
      }
    }
  }
  return full;
}

const PREFIX = "catena-rescue";

/** Cgroups that rescues of a container left on v2, beside its own and its ancestors'. */
export function rescueLeaves(paths: CgroupPaths, id: string): string[] {
  const leaves: string[] = [];
  if (!isUnified(paths)) return leaves;
  let at = paths[""]!;
  while (at.lastIndexOf("/") > 0) {
    at = at.slice(0, at.lastIndexOf("/"));
    if (!statFile(`${at}/cgroup.procs`)) break;
    for (const { name, isFolder } of listFolder(at)) {
      if (isFolder && name.startsWith(`${PREFIX}-${id}-`)) leaves.push(`${at}/${name}`);
    }
  }
  return leaves;
}

/**
 * The join of an operator who must get into a container whose limit is full: everything but the
 * full cgroup. v1 leaves that hierarchy out. v2 has one cgroup for all, so the process goes into a
 * leaf under the nearest ancestor with room, with the container's device program and its other
 * limits.
 */
export function rescueJoin(
  join: CgroupJoin,
  paths: CgroupPaths,
  config: CgroupConfig,
  id: string,
): CgroupJoin {
  const full = fullLimits(paths);
  if (full.length === 0) return join;
  if (!isUnified(paths)) {
    const left = new Set(full.map(({ controller }) => controller as string));
    return {
      ...join,
      v1: join.v1.filter(({ controllers }) => !controllers.some((name) => left.has(name))),
      pidsLevels: left.has("pids") ? [] : join.pidsLevels,
    };
  }
  return { ...join, unified: rescueLeaf(full, config, id), pidsLevels: [] };
}

function rescueLeaf(full: FullLimit[], config: CgroupConfig, id: string): string {
  // The outermost full level decides: its parent is the nearest ancestor with room.
  const outermost = full.reduce((a, b) => (b.folder.length < a.folder.length ? b : a)).folder;
  const parent = outermost.slice(0, outermost.lastIndexOf("/"));
  if (!statFile(`${parent}/cgroup.procs`)) {
    throw failure({
      layer: "runc",
      op: "rescue",
      code: "resource_exhausted",
      message: "no ancestor of the container's cgroup has room for a rescue",
      evidence: full.map(({ folder, controller, usage, limit }) => ({
        kind: "cgroup",
        value: `${controller} ${usage} of ${limit}`,
        ref: folder,
      })),
    });
  }
  const leaf = `${parent}/${PREFIX}-${id}-${process.pid}`;
  try {
    makeFolder(leaf, 0o755);
  } catch (error) {
    throw cgroupCallError(error, leaf);
  }
  setDevices({ "": leaf }, config.devices ?? [], config.Rootless ?? false);
  const others: CgroupConfig = { ...config, unified: null };
  for (const { controller } of full) {
    if (controller === "pids") others.pids_limit = 0;
    else Object.assign(others, { memory: 0, memory_swap: 0, memory_reservation: 0 });
  }
  try {
    setLimitsV2(leaf, others);
  } catch (error) {
    // A limit that the ancestor cannot give is no reason to leave the operator outside.
    if (!(error instanceof ChainError)) throw error;
  }
  return leaf;
}
