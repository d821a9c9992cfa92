import type { CallContext } from "#lib/rpc/service.ts";
import type { WaitCondition } from "#wire/docker-api/engine.ts";
import type { ContainerWaited } from "#wire/docker-api/types/container_view.ts";
import type { Daemon } from "../daemon.ts";

/** POST /containers/ID/wait: registered when this resolves, answered when `done` does. */
export async function containerWait(
  daemon: Daemon,
  ref: string,
  condition: WaitCondition,
  context: CallContext,
): Promise<{ done: Promise<ContainerWaited> }> {
  const container = daemon.find(ref);
  const { signal } = context;
  if (condition === "removed") return { done: container.removed(signal) };
  const { state } = container.record;
  if (condition === "not-running" && (!state.running || state.restarting)) {
    return { done: Promise.resolve({ StatusCode: state.exitCode }) };
  }
  return { done: container.nextExit(signal) };
}
