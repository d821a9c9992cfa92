import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cgroupsOf } from "./cgroup_tree.ts";
import { mountTable } from "./mount_table.ts";
import { descriptorTargets, processesOf } from "./process_table.ts";
import type { Sandbox } from "./sandbox.ts";

/** What must be the same before and after: lines of text, each one thing that could be left over. */
export interface LeakSnapshot {
  mounts: string[];
  cgroups: string[];
  processes: string[];
  descriptors: string[];
  folders: string[];
}

export interface WatchedDaemon {
  name: string;
  pid: number;
}

const KINDS = ["mounts", "cgroups", "processes", "descriptors", "folders"] as const;
const SETTLE_MS = 30_000;
const STEP_MS = 250;

/**
 * Takes stock of one sandbox: its mounts, cgroups, processes, the open descriptors of its daemons
 * (by kind, counted), and the entries of the folders that hold one entry a container or snapshot.
 */
export function takeSnapshot(
  sandbox: Sandbox,
  daemons: WatchedDaemon[],
  folders: string[],
): LeakSnapshot {
  return {
    mounts: mountTable()
      .filter(({ target, source }) => `${target} ${source}`.includes(sandbox.folder))
      .map(({ target, type }) => `${type} on ${target}`),
    cgroups: cgroupsOf(sandbox.tag),
    processes: processesOf(sandbox.folder, sandbox.tag).map(({ command }) => command),
    descriptors: daemons.flatMap(({ name, pid }) => countDescriptors(name, pid)),
    folders: folders.flatMap((folder) => entries(folder)),
  };
}

function countDescriptors(name: string, pid: number): string[] {
  const kinds = descriptorTargets(pid).map((target) => target.replace(/:\[\d+\]$/, ""));
  const counts = new Map<string, number>();
  return kinds.sort().map((kind) => {
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    return `${name}: ${kind} #${count}`;
  });
}

function entries(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((entry) => join(folder, entry));
}

/** What is left over and what is missing, a line each; empty when both are equal. */
export function compareSnapshots(before: LeakSnapshot, after: LeakSnapshot): string[] {
  return KINDS.flatMap((kind) => [
    ...surplus(after[kind], before[kind]).map((line) => `left over, ${kind}: ${line}`),
    ...surplus(before[kind], after[kind]).map((line) => `gone, ${kind}: ${line}`),
  ]);
}

function surplus(these: string[], those: string[]): string[] {
  const rest = [...those];
  return these.filter((line) => {
    const index = rest.indexOf(line);
    if (index < 0) return true;
    rest.splice(index, 1);
    return false;
  });
}

/**
 * Waits until `take` equals `before` (daemons clean up a moment after they answer), and returns
 * what still differs at the end.
 */
export async function settledDifference(
  before: LeakSnapshot,
  take: () => LeakSnapshot,
  settleMs: number = SETTLE_MS,
): Promise<string[]> {
  const deadline = Date.now() + settleMs;
  for (;;) {
    const difference = compareSnapshots(before, take());
    if (difference.length === 0 || Date.now() >= deadline) return difference;
    await Bun.sleep(STEP_MS);
  }
}
