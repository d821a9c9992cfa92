import { join } from "node:path";
import { toChainError } from "#lib/errors/chain_error.ts";
import { type RotationLimits, rotateLog } from "../logs/rotate_log.ts";
import type { PodContext } from "../pod/pod_context.ts";
import { PodEvents } from "../pod/pod_events.ts";
import type { PodView } from "../pod/pod_view.ts";

/** Rotates the logs of running containers that grew too large. Never rejects. */
export async function rotateLogs(
  context: PodContext,
  views: readonly PodView[],
  limits: RotationLimits,
): Promise<void> {
  for (const { pod, state, phase } of views) {
    if (phase !== "running") continue;
    for (const { id, name, attempt, phase: running } of state.containers) {
      if (running !== "running") continue;
      const path = join(context.folders.podLogs(pod), name, `${attempt}.log`);
      try {
        await rotateLog(path, limits, () => context.runtime.reopenLog(id));
      } catch (thrown) {
        const { message, words } = toChainError(thrown, "kubelet", "rotate log");
        const text = `log of container ${name} cannot be rotated: ${message}`;
        new PodEvents(context.events, pod).warning("FailedLogRotation", text, undefined, {
          key: words,
        });
      }
    }
  }
}
