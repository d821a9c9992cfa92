import type { ChainError } from "#lib/errors/chain_error.ts";
import { thawCgroup } from "../cgroups/cgroup_freezer.ts";
import { cgroupProcesses, signalCgroup } from "../cgroups/cgroup_processes.ts";
import { removeCgroup } from "../cgroups/cgroup_remove.ts";
import type { ContainerState } from "../state/container_state.ts";
import { commandFailure } from "./command_failure.ts";
import { hasHooks, runHooks } from "./hook_run.ts";
import type { RuntimeContext } from "./runtime_context.ts";

const SIGKILL = 9;

/** Whether the container's processes die with its first one: only then need none be killed here. */
function ownsPidNamespace(state: ContainerState): boolean {
  return (state.config.namespaces ?? []).some(({ type, path }) => type === "NEWPID" && !path);
}

/**
 * Removes all that a stopped container still holds: processes that outlived its first, cgroups,
 * state folder; then runs its poststop hooks. Every step is tried; the first failure is thrown.
 */
export async function removeContainer(
  context: RuntimeContext,
  state: ContainerState,
): Promise<void> {
  const failures: ChainError[] = [];
  const attempt = async (op: string, work: () => unknown) => {
    try {
      await work();
    } catch (error) {
      failures.push(commandFailure(error, op));
    }
  };
  if (!ownsPidNamespace(state)) {
    await attempt("kill processes", () => signalCgroup(state.cgroup_paths, SIGKILL));
  } else await attempt("thaw", () => thawCgroup(state.cgroup_paths));
  if (state.config.cgroups.Systemd) {
    await attempt("stop systemd unit", async () => {
      const { removeUnit } = await import("../cgroups/systemd_unit.ts");
      return removeUnit(state.config.cgroups);
    });
  }
  await attempt("remove cgroups", () => removeOwnCgroup(context, state));
  await attempt("remove rescue cgroups", () => removeRescueCgroups(state));
  await attempt("remove state folder", () => context.store.remove(state.id));
  if (hasHooks(state, "poststop")) {
    await attempt("poststop", () => runHooks("poststop", state, "stopped"));
  }
  if (failures.length > 0) throw failures[0]!;
}

/** A cgroup that another container lives in too is left to it. */
async function removeOwnCgroup(context: RuntimeContext, state: ContainerState): Promise<void> {
  try {
    await removeCgroup(state.cgroup_paths);
  } catch (error) {
    const others = cgroupProcesses(state.cgroup_paths).length;
    if (!ownsPidNamespace(state) || others === 0) throw error;
    context.warn(`the cgroup is left: ${others} process(es) of others are in it`);
  }
}

async function removeRescueCgroups(state: ContainerState): Promise<void> {
  if (!state.catena) return;
  const { rescueLeaves } =
    require("../cgroups/rescue_cgroup.ts") as typeof import("../cgroups/rescue_cgroup.ts");
  for (const folder of rescueLeaves(state.cgroup_paths, state.id)) {
    await removeCgroup({ "": folder });
  }
}
