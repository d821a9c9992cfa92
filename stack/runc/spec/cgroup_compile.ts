import { O } from "#lib/linux/open_flag.ts";
import { NO_SLOT, type Slot } from "#wire/init-pipe/operation.ts";
import type { CgroupJoin } from "../cgroups/cgroup_join.ts";
import type { PlanBuilder } from "./plan_builder.ts";

/** What the parent stage opened for the join: all paths are the host's. */
export interface CgroupSlots {
  tasks: Slot[];
  /** Folder of the unified hierarchy, for CLONE_INTO_CGROUP; then its cgroup.procs. */
  unified: Slot;
  fallback: Slot;
  procs: Slot;
  current: Slot[];
  max: Slot[];
  lock: Slot;
  escape: Slot;
}

/** Opens, in the parent stage, what the grandchild needs to be charged. */
export function compileCgroupOpens(
  plan: PlanBuilder,
  cgroup: CgroupJoin,
  extra: { initCgroup?: string; pidsEscape?: string },
): CgroupSlots {
  // A folder that was removed is no failure where there is another to go to.
  const spare = extra.initCgroup !== undefined;
  const folder = (path: string | undefined, optional: boolean) =>
    path ? plan.open(path, O.PATH | O.DIRECTORY, optional) : NO_SLOT;
  const levels = cgroup.pidsLevels;
  return {
    tasks: cgroup.v1.map(({ path }) => plan.open(`${path}/tasks`, O.WRONLY)),
    unified: folder(cgroup.unified, spare),
    fallback: folder(extra.initCgroup, false),
    procs: cgroup.unified ? plan.open(`${cgroup.unified}/cgroup.procs`, O.WRONLY, spare) : NO_SLOT,
    current: levels.map(({ current }) => plan.open(current, O.RDONLY, cgroup.pureV2)),
    max: levels.map(({ max }) => plan.open(max, O.RDONLY, cgroup.pureV2)),
    lock: levels.length + cgroup.v1.length > 0 ? plan.open(cgroup.lockPath, O.RDONLY) : NO_SLOT,
    // Who may not write there, a user with a cgroup of his own, does without.
    escape:
      levels.length > 0 && extra.pidsEscape ? plan.open(extra.pidsEscape, O.WRONLY, true) : NO_SLOT,
  };
}

/**
 * The grandchild's part. v1 never refuses to join, so under a lock it joins, counts, and leaves
 * again when that was one too many. `tasks`, not `cgroup.procs`: it costs 8 ms less.
 */
export function compileCgroupJoin(plan: PlanBuilder, slots: CgroupSlots): void {
  const locked = slots.lock !== NO_SLOT;
  if (locked) plan.add({ op: "lock", slot: slots.lock });
  if (slots.procs !== NO_SLOT) plan.add({ op: "cgroup-join-uncharged", file: slots.procs });
  if (slots.tasks.length > 0) plan.add({ op: "cgroup-join", files: slots.tasks });
  if (slots.current.length > 0) {
    plan.add({
      op: "pids-check",
      current: slots.current,
      max: slots.max,
      escape: slots.escape,
      uncharged: slots.tasks.length === 0,
    });
  }
  if (locked) plan.add({ op: "unlock", slot: slots.lock });
}
