import { readTextIfAny } from "#lib/linux/file.ts";

/** One level of the pids hierarchy. `max` is Infinity without a limit. */
export interface PidsLevel {
  folder: string;
  current: number;
  max: number;
  /** How often a fork was refused here since the cgroup was made; v1 has it since Linux 4.x too. */
  refused: number;
}

const MAX_LEVELS = 32;

/** The pids counters of a cgroup and of all above it, innermost first. */
export function pidsLevels(folder: string): PidsLevel[] {
  const levels: PidsLevel[] = [];
  for (
    let at = folder;
    at !== "" && levels.length < MAX_LEVELS;
    at = at.slice(0, at.lastIndexOf("/"))
  ) {
    const current = readTextIfAny(`${at}/pids.current`);
    // The root of the hierarchy has no counters, and above it there is nothing to find.
    if (current === undefined) break;
    const max = readTextIfAny(`${at}/pids.max`)?.trim() ?? "max";
    const events = readTextIfAny(`${at}/pids.events`) ?? "";
    levels.push({
      folder: at,
      current: Number(current),
      max: max === "max" ? Number.POSITIVE_INFINITY : Number(max),
      refused: Number(/^max (\d+)$/m.exec(events)?.[1] ?? 0),
    });
  }
  return levels;
}
