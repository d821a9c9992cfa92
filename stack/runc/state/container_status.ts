import type { RuntimeState } from "#wire/oci-runtime/runtime.ts";
import { freezerState } from "../cgroups/cgroup_freezer.ts";
import { type ContainerState, labelsOf } from "./container_state.ts";
import { processStat } from "./process_stat.ts";
import type { StateStore } from "./state_store.ts";

export type ContainerStatus = RuntimeState["status"];

/** The status of a container as it is now: by its process, its freezer and its FIFO. */
export function containerStatus(store: StateStore, state: ContainerState): ContainerStatus {
  if (freezerState(state.cgroup_paths) === "FROZEN") return "paused";
  if (!initAlive(state)) return "stopped";
  return store.hasFifo(state.id) ? "created" : "running";
}

/** Whether the container's process lives: the very one, not a later one with its number. */
export function initAlive(state: ContainerState): boolean {
  const stat = processStat(state.init_process_pid);
  return (
    stat !== undefined &&
    stat.startTime === state.init_process_start &&
    stat.state !== "Z" &&
    stat.state !== "X"
  );
}

/** What `state` prints. */
export function runtimeState(
  state: ContainerState,
  status: ContainerStatus,
  owner = "",
): RuntimeState {
  const { bundle, annotations } = labelsOf(state.config);
  const out: RuntimeState = {
    ociVersion: state.config.version,
    id: state.id,
    pid: status === "stopped" ? 0 : state.init_process_pid,
    status,
    bundle,
    rootfs: state.config.rootfs,
    created: state.created,
    ...(annotations ? { annotations } : {}),
    owner,
  };
  return out;
}
