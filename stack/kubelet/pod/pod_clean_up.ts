import { rm } from "node:fs/promises";
import type { SandboxView } from "../runtime/pod_runtime.ts";
import type { Pod } from "../spec/pod.ts";
import { removePodFiles } from "../volume/pod_volumes.ts";
import type { PodContext } from "./pod_context.ts";
import type { ContainerState, PodState } from "./pod_state.ts";

/** Dead containers that are kept of each name, for `previous` logs and the last state. */
const KEPT_DEAD = 1;

/** Removes everything of a pod that is stopped: containers, sandboxes, files, cgroups, logs. */
export async function cleanUpPod(
  context: PodContext,
  pod: Pod,
  { containers, sandboxes }: { containers: { id: string }[]; sandboxes: { id: string }[] },
): Promise<void> {
  const { runtime, folders, cgroups } = context;
  for (const { id } of containers) await runtime.removeContainer(id);
  for (const { id } of sandboxes) await runtime.removeSandbox(id);
  removePodFiles(folders, pod.uid);
  await rm(folders.podLogs(pod), { recursive: true, force: true });
  await cgroups.remove(cgroups.pathOf(pod));
}

/** Removes what a living pod left behind: older dead containers, sandboxes that nothing is in. */
export async function removeRemains(context: PodContext, state: PodState): Promise<void> {
  for (const { id } of deadContainers(state.containers)) await context.runtime.removeContainer(id);
  for (const { id } of emptySandboxes(state)) await context.runtime.removeSandbox(id);
}

function deadContainers(containers: readonly ContainerState[]): ContainerState[] {
  const seen = new Map<string, number>();
  return containers.filter(({ name, phase }, index) => {
    // The newest of a name is its present state, dead or alive.
    const newest = containers.findIndex((one) => one.name === name) === index;
    if (phase === "running" || newest) return false;
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return seen.get(name)! > KEPT_DEAD;
  });
}

function emptySandboxes({ sandboxes, containers }: PodState): SandboxView[] {
  return sandboxes.filter(
    ({ id, ready }, index) =>
      index > 0 && !ready && !containers.some(({ sandboxId }) => sandboxId === id),
  );
}
