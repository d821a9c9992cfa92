import { statFile } from "#lib/linux/file.ts";
import { freezeCgroup, thawCgroup } from "../cgroups/cgroup_freezer.ts";
import { mainFolder } from "../cgroups/cgroup_path.ts";
import { cgroupProcesses } from "../cgroups/cgroup_processes.ts";
import { containerStatus } from "../state/container_status.ts";
import { refuse } from "./command_failure.ts";
import type { RuntimeContext } from "./runtime_context.ts";

/** Freezes every process of a running or created container. */
export async function pauseContainer(context: RuntimeContext, id: string): Promise<void> {
  const state = context.store.load(id);
  await context.store.locked(id, () => {
    const status = containerStatus(context.store, state);
    if (status !== "running" && status !== "created") {
      throw refuse("pause", `container not running or created: ${status}`);
    }
    freezeCgroup(state.cgroup_paths);
  });
}

/** Lets a paused container go on. */
export async function resumeContainer(context: RuntimeContext, id: string): Promise<void> {
  const state = context.store.load(id);
  await context.store.locked(id, () => {
    if (containerStatus(context.store, state) !== "paused") {
      throw refuse("resume", "container not paused");
    }
    thawCgroup(state.cgroup_paths);
  });
}

/** Host pids of every process of a container. */
export function containerProcesses(context: RuntimeContext, id: string): number[] {
  const state = context.store.load(id);
  const folder = mainFolder(state.cgroup_paths);
  if (folder === undefined || !statFile(folder)) return [];
  return cgroupProcesses(state.cgroup_paths);
}
