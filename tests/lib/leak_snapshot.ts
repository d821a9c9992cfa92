import { join } from "node:path";
import { cgroupsOf } from "./cgroup_tree.ts";
import { foldersBelow } from "./folder_tree.ts";
import { mountTable } from "./mount_table.ts";
import { descriptorTargets, type ProcessEntry, processesOf } from "./process_table.ts";
import type { Sandbox } from "./sandbox.ts";

/** What must be the same before and after: lines, each one thing that could be left over. */
export interface LeakSnapshot {
  mounts: string[];
  cgroups: string[];
  processes: string[];
  descriptors: string[];
  folders: string[];
}

const KINDS = ["mounts", "cgroups", "processes", "descriptors", "folders"] as const;
/** Where runc keeps its state under ctr: one folder a namespace. */
const RUNC_ROOTS = "/run/containerd/runc";
/** Deep enough for a snapshot's folder, not for the files of a container. */
const FOLDER_DEPTH = 5;
const SETTLE_MS = 30_000;
const STEP_MS = 250;

/**
 * Takes stock of one sandbox: its mounts, cgroups, processes with their open descriptors (by kind,
 * counted), and the folders that daemons keep for each container and snapshot.
 */
export function takeSnapshot(sandbox: Sandbox): LeakSnapshot {
  const processes = processesOf(sandbox.folder, sandbox.tag);
  return {
    mounts: mountTable()
      .filter(({ target, source }) => `${target} ${source}`.includes(sandbox.folder))
      .map(({ target, type }) => `${type} on ${target}`),
    cgroups: cgroupsOf(sandbox.tag),
    processes: processes.map(({ command }) => withoutIds(command)),
    descriptors: processes.flatMap((entry) => countDescriptors(entry)),
    folders: [sandbox.folder, join(RUNC_ROOTS, sandbox.tag)].flatMap((top) =>
      foldersBelow(top, FOLDER_DEPTH),
    ),
  };
}

/** A shim names the container that it was started for, whichever it serves now. */
function withoutIds(command: string): string {
  return command.replace(/[0-9a-f]{64}/g, "ID");
}

/** Sockets of genuine daemons come and go by themselves (idle connections): not counted. */
function countDescriptors({ pid, command }: ProcessEntry): string[] {
  const program = command.split(" ")[0] ?? "";
  const ours = program.includes("catena");
  const counts = new Map<string, number>();
  return descriptorTargets(pid)
    .map((target) => target.replace(/:\[\d+\]$/, ""))
    .filter((kind) => ours || kind !== "socket")
    .sort()
    .map((kind) => {
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      return `${program}: ${kind} #${count}`;
    });
}

/**
 * What is left over and what is missing, a line each; empty when both are equal. A descriptor that
 * was closed or an idle shim that ended meanwhile is no loss.
 */
export function compareSnapshots(before: LeakSnapshot, after: LeakSnapshot): string[] {
  return KINDS.flatMap((kind) => {
    const mayGo = kind === "descriptors" || kind === "processes";
    const gone = mayGo ? [] : surplus(before[kind], after[kind]);
    return [
      ...surplus(after[kind], before[kind]).map((line) => `left over, ${kind}: ${line}`),
      ...gone.map((line) => `gone, ${kind}: ${line}`),
    ];
  });
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
