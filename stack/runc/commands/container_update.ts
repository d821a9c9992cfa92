import type { Resources } from "#wire/oci-runtime/runtime.ts";
import type { CgroupConfig } from "../cgroups/cgroup_config.ts";
import { setLimits } from "../cgroups/container_cgroup.ts";
import { resourceConfig } from "../cgroups/resource_config.ts";
import type { LinuxResources } from "../spec/spec_resources.ts";
import type { ContainerState } from "../state/container_state.ts";
import { containerStatus } from "../state/container_status.ts";
import { commandFailure, refuse } from "./command_failure.ts";
import type { RuntimeContext } from "./runtime_context.ts";

/**
 * The settings that an update names, over those that the container has. As runc does, most are
 * taken as they come (0 is "leave it"), but quota and period stay together: one alone keeps the
 * other.
 */
function updatedConfig(old: CgroupConfig, wanted: CgroupConfig): CgroupConfig {
  const next: CgroupConfig = {
    ...old,
    blkio_weight: wanted.blkio_weight ?? 0,
    cpu_shares: wanted.cpu_shares ?? 0,
    cpu_weight: wanted.cpu_weight ?? 0,
    cpu_rt_period: wanted.cpu_rt_period ?? 0,
    cpu_rt_quota: wanted.cpu_rt_quota ?? 0,
    cpuset_cpus: wanted.cpuset_cpus ?? "",
    cpuset_mems: wanted.cpuset_mems ?? "",
    memory: wanted.memory ?? 0,
    memory_reservation: wanted.memory_reservation ?? 0,
    memory_swap: wanted.memory_swap ?? 0,
    pids_limit: wanted.pids_limit ?? 0,
    unified: wanted.unified ?? null,
  };
  const { cpu_period: period, cpu_quota: quota } = wanted;
  if (period && !quota) next.cpu_period = period;
  else if (quota && !period) next.cpu_quota = quota;
  else {
    next.cpu_period = period ?? 0;
    next.cpu_quota = quota ?? 0;
  }
  for (const key of ["cpu_burst", "cpu_idle", "memory_check_before_update"] as const) {
    if (wanted[key] !== undefined) Object.assign(next, { [key]: wanted[key] });
  }
  return next;
}

/** Writes limits, to systemd first where it keeps the cgroup: it would write its own over them. */
async function applyLimits(state: ContainerState, config: CgroupConfig): Promise<void> {
  if (config.Systemd) {
    const { updateUnit } = await import("../cgroups/systemd_unit.ts");
    await updateUnit(state.cgroup_paths, config);
  }
  setLimits(state.cgroup_paths, config);
}

/**
 * Changes the limits of a container while it runs. When one is refused, those that were written
 * before are set back.
 */
export async function updateContainer(
  context: RuntimeContext,
  id: string,
  resources: Resources,
): Promise<void> {
  await context.store.locked(id, async () => {
    const state = context.store.load(id);
    if (containerStatus(context.store, state) === "stopped") {
      throw refuse("update", "container not running", "failed_precondition", {
        causeId: "not-running",
      });
    }
    const old = state.config.cgroups;
    try {
      const next = updatedConfig(old, resourceConfig(resources as LinuxResources));
      await applyLimits(state, next);
      state.config.cgroups = next;
    } catch (error) {
      const cause = commandFailure(error, "update");
      try {
        await applyLimits(state, old);
      } catch (restore) {
        cause.cleanup = commandFailure(restore, "set limits back");
      }
      throw cause;
    }
    context.store.save(state);
  });
}
