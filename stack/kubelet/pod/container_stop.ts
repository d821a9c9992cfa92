import { toChainError } from "#lib/errors/chain_error.ts";
import { runAction } from "../probe/run_action.ts";
import type { ContainerSpec, Pod } from "../spec/pod.ts";
import type { PodContext } from "./pod_context.ts";
import type { PodEvents } from "./pod_events.ts";
import type { ContainerState } from "./pod_state.ts";

/** As the kubelet: whatever a hook took, the program gets so long to end. */
const LEAST_GRACE_SECONDS = 2;

export interface StopRequest {
  container: ContainerState;
  /** Undefined for a container that its pod does not name any more: it has no hook. */
  spec: ContainerSpec | undefined;
  graceSeconds: number;
  message: string;
  ip: string;
}

/** preStop hook, then the stop signal, then SIGKILL: all within the grace period. */
export async function stopContainer(
  { runtime }: Pick<PodContext, "runtime">,
  events: PodEvents,
  request: StopRequest,
): Promise<void> {
  const { container, spec, graceSeconds, message, ip } = request;
  events.normal("Killing", message, spec);
  const begun = performance.now();
  if (spec?.preStop && graceSeconds > 0) {
    const target = { runtime, containerId: container.id, spec, ip };
    const outcome = await runAction(spec.preStop, target, graceSeconds);
    if (outcome.result !== "success") {
      const why = outcome.result === "failure" ? outcome.output : outcome.error.message;
      events.warning("FailedPreStopHook", `PreStopHook failed: ${why}`, spec);
    }
  }
  const spent = (performance.now() - begun) / 1000;
  const left = Math.ceil(graceSeconds - spent);
  const least = Math.min(graceSeconds, LEAST_GRACE_SECONDS);
  await runtime.stopContainer(container.id, Math.max(least, left));
}

/**
 * Ends every container of a pod: ordinary ones at once, then sidecars in the reverse of their
 * order, then the sandboxes. Rejects with the first failure; the rest is left for another try.
 */
export async function stopPod(
  context: PodContext,
  events: PodEvents,
  pod: Pod,
  parts: {
    containers: readonly ContainerState[];
    sandboxes: readonly { id: string }[];
    ip: string;
    graceSeconds: number;
  },
): Promise<void> {
  const { ip, graceSeconds } = parts;
  const deadline = performance.now() + graceSeconds * 1000;
  const running = parts.containers.filter(({ phase }) => phase === "running");
  const sidecars = pod.spec.initContainers.filter(({ sidecar }) => sidecar);
  const specs = new Map(
    [...pod.spec.initContainers, ...pod.spec.containers].map((spec) => [spec.name, spec]),
  );
  const stop = (container: ContainerState, grace: number) =>
    stopContainer(context, events, {
      ...{ container, spec: specs.get(container.name), graceSeconds: grace, ip },
      message: `Stopping container ${container.name}`,
    });
  const isSidecar = ({ name }: ContainerState) => sidecars.some((spec) => spec.name === name);
  const ordinary = running.filter((container) => !isSidecar(container));
  const results = await Promise.allSettled(ordinary.map((one) => stop(one, graceSeconds)));
  for (const spec of sidecars.toReversed()) {
    const left = Math.max(LEAST_GRACE_SECONDS, Math.ceil((deadline - performance.now()) / 1000));
    for (const container of running.filter(({ name }) => name === spec.name)) {
      await stop(container, Math.min(left, graceSeconds));
    }
  }
  const failed = results.find(({ status }) => status === "rejected") as
    | PromiseRejectedResult
    | undefined;
  if (failed) throw toChainError(failed.reason, "kubelet", "stop pod");
  for (const { id } of parts.sandboxes) await context.runtime.stopSandbox(id);
}
