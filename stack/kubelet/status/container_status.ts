import { type ContainerState, newestOf } from "../pod/pod_state.ts";
import type { PodView } from "../pod/pod_view.ts";
import type { ContainerSpec } from "../spec/pod.ts";

type State = Record<string, Record<string, unknown>>;

/** A v1 ContainerStatus. `isInit` decides what a container that ended well is called. */
export function containerStatus(view: PodView, spec: ContainerSpec, isInit: boolean) {
  const { state, waiting } = view;
  const newest = newestOf(state, spec.name);
  const waits = waiting.get(spec.name);
  const running = newest?.phase === "running";
  const waitsAgain = waits !== undefined && !running;
  const current = waitsAgain ? waitingState(waits) : stateOf(newest, view);
  const last = waitsAgain ? newest : state.containers.find((one) => isPrevious(one, newest, spec));
  const started = running && newest !== undefined && view.isStarted(spec.name, newest.id);
  const endedWell = newest?.phase === "exited" && newest.detail.exitCode === 0;
  const ready =
    isInit && !spec.sidecar
      ? endedWell
      : running && newest !== undefined && view.isReady(spec.name, newest.id);
  return {
    name: spec.name,
    image: spec.image,
    imageID: newest?.detail.imageId ?? "",
    ...(newest && { containerID: `cri://${newest.id}` }),
    ready,
    started,
    restartCount: newest?.attempt ?? 0,
    state: current,
    lastState: last?.phase === "exited" ? terminated(last) : {},
  };
}

function isPrevious(one: ContainerState, newest: ContainerState | undefined, spec: ContainerSpec) {
  return one !== newest && one.name === spec.name && one.phase === "exited";
}

function stateOf(newest: ContainerState | undefined, view: PodView): State {
  if (!newest) {
    const message = view.error && { message: view.error.message };
    return { waiting: { reason: "ContainerCreating", ...message } };
  }
  if (newest.phase === "running") {
    return { running: { startedAt: timestamp(newest.detail.startedMs) } };
  }
  if (newest.phase === "created") return { waiting: { reason: "ContainerCreating" } };
  return terminated(newest);
}

function waitingState({ reason, message }: { reason: string; message: string }): State {
  return { waiting: { reason, ...(message !== "" && { message }) } };
}

function terminated({ id, detail }: ContainerState): State {
  const { exitCode, reason, message, startedMs, finishedMs } = detail;
  return {
    terminated: {
      exitCode,
      ...(exitCode > 128 && { signal: exitCode - 128 }),
      reason: reason || (exitCode === 0 ? "Completed" : "Error"),
      ...(message !== "" && { message }),
      startedAt: timestamp(startedMs),
      finishedAt: timestamp(finishedMs),
      containerID: `cri://${id}`,
    },
  };
}

/** RFC 3339 of milliseconds since 1970; null for no time, as the API has it. */
export function timestamp(ms: number): string | null {
  return ms > 0 ? new Date(ms).toISOString().replace(/\.\d+Z$/, "Z") : null;
}
