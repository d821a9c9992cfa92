import { NOTE } from "../container/labels.ts";
import type { SandboxView } from "../runtime/pod_runtime.ts";
import type { ContainerSpec, Pod, RestartPolicy } from "../spec/pod.ts";
import { type ContainerState, newestOf, type PodState } from "./pod_state.ts";

/** What is known of a pod's containers besides the runtime's word. */
export interface Judgement {
  /** It runs, its postStart hook is done and its startup probe passed. */
  isStarted(container: ContainerState): boolean;
  /** Why a running container must be ended: a probe said so. */
  condemned(container: ContainerState): string | undefined;
  /** Milliseconds to wait before it is started after it failed at `failedMs`. */
  waitMs(name: string, failedMs: number): number;
  /** When its last attempt to start failed before there was a process; 0 for never. */
  startFailedMs(name: string): number;
}

/** What is to be done for a pod, in this order. */
export interface Actions {
  kill: { container: ContainerState; spec?: ContainerSpec; reason: string }[];
  /** Sandboxes of no use any more. One that died by itself still holds its pod's address. */
  stopSandboxes: SandboxView[];
  /** A sandbox is needed, with this attempt. */
  newSandbox?: number;
  start: ContainerSpec[];
  /** Containers in back-off, and the milliseconds that are left. */
  waits: Map<string, number>;
  /** All is over: how it ended. */
  done?: "Succeeded" | "Failed";
}

/** Decides what is to be done next. A pure function, as far as its judgement is one. */
export function nextActions(pod: Pod, state: PodState, judgement: Judgement): Actions {
  const actions: Actions = { kill: [], stopSandboxes: [], start: [], waits: new Map() };
  if (!state.sandbox) {
    withoutSandbox(pod, state, actions);
    return actions;
  }
  const planner = new Planner(pod, state, judgement, actions);
  planner.plan();
  return actions;
}

/** No usable sandbox: end what is left in old ones, and make a new one unless all is over. */
function withoutSandbox(pod: Pod, state: PodState, actions: Actions): void {
  for (const container of state.containers) {
    if (container.phase !== "running") continue;
    actions.kill.push({ container, reason: "its sandbox is gone; the pod is made anew" });
  }
  actions.stopSandboxes = state.sandboxes;
  const ends = pod.spec.containers.map(({ name }) => newestOf(state, name));
  const policy = pod.spec.restartPolicy;
  const over = ends.every((end) => end?.phase === "exited" && !restarts(policy, end));
  if (over) actions.done = outcome(ends);
  else if (policy === "Never" && ends.some((end) => end !== undefined)) actions.done = "Failed";
  else actions.newSandbox = (state.sandboxes[0]?.attempt ?? -1) + 1;
}

class Planner {
  readonly #pod: Pod;
  readonly #state: PodState;
  readonly #judgement: Judgement;
  readonly #actions: Actions;

  constructor(pod: Pod, state: PodState, judgement: Judgement, actions: Actions) {
    this.#pod = pod;
    this.#state = state;
    this.#judgement = judgement;
    this.#actions = actions;
  }

  plan(): void {
    const { containers, initContainers } = this.#pod.spec;
    const begun = containers.some(({ name }) => this.#current(name));
    for (const spec of initContainers) {
      const through = spec.sidecar ? this.#sidecar(spec) : this.#init(spec, begun);
      if (!through && !begun) return;
      if (this.#actions.done) return;
    }
    for (const spec of containers) this.#ordinary(spec);
    this.#judgeEnd();
  }

  /** Whether what comes after this init container may begin. */
  #init(spec: ContainerSpec, begun: boolean): boolean {
    // Once ordinary containers were started it is done, even if its remains were removed.
    if (begun) return true;
    const container = this.#current(spec.name);
    if (!container) return this.#start(spec, 0);
    if (container.phase === "running") return false;
    if (container.phase === "exited" && container.detail.exitCode === 0) return true;
    if (this.#pod.spec.restartPolicy === "Never" && container.phase === "exited") {
      this.#actions.done = "Failed";
      return false;
    }
    return this.#start(spec, container.detail.finishedMs);
  }

  #sidecar(spec: ContainerSpec): boolean {
    const container = this.#current(spec.name);
    if (!container) return this.#start(spec, 0);
    if (container.phase !== "running") return this.#start(spec, container.detail.finishedMs);
    if (this.#condemn(spec, container)) return false;
    return this.#judgement.isStarted(container);
  }

  #ordinary(spec: ContainerSpec): void {
    const container = this.#current(spec.name);
    if (!container) {
      if (!this.#succeededBefore(spec)) this.#start(spec, 0);
    } else if (container.phase === "running") {
      this.#condemn(spec, container);
    } else if (
      container.phase !== "exited" ||
      restarts(this.#pod.spec.restartPolicy, container) ||
      this.#isChanged(spec, container)
    ) {
      this.#start(spec, container.detail.finishedMs);
    }
  }

  #condemn(spec: ContainerSpec, container: ContainerState): boolean {
    const changed = this.#isChanged(spec, container)
      ? `Container ${spec.name} definition changed, will be restarted`
      : undefined;
    const reason = changed ?? this.#judgement.condemned(container);
    if (reason === undefined) return false;
    this.#actions.kill.push({ container, spec, reason });
    return true;
  }

  /** Starts it now or when its back-off is over; false, for what comes after it must wait. */
  #start(spec: ContainerSpec, endedMs: number): false {
    const failedMs = Math.max(endedMs, this.#judgement.startFailedMs(spec.name));
    const wait = failedMs > 0 ? this.#judgement.waitMs(spec.name, failedMs) : 0;
    if (wait > 0) this.#actions.waits.set(spec.name, wait);
    else this.#actions.start.push(spec);
    return false;
  }

  #current(name: string): ContainerState | undefined {
    return newestOf(this.#state, name, this.#state.sandbox!.id);
  }

  /** In a former sandbox, under a policy that lets success be. */
  #succeededBefore(spec: ContainerSpec): boolean {
    const before = newestOf(this.#state, spec.name);
    if (!before || this.#pod.spec.restartPolicy !== "OnFailure") return false;
    return before.phase === "exited" && before.detail.exitCode === 0;
  }

  #isChanged(spec: ContainerSpec, container: ContainerState): boolean {
    const hash = container.annotations[NOTE.hash];
    return hash !== undefined && hash !== spec.hash;
  }

  #judgeEnd(): void {
    const { start, waits, kill } = this.#actions;
    const ends = this.#pod.spec.containers.map(({ name }) => newestOf(this.#state, name));
    if (ends.some((end) => end?.phase !== "exited")) return;
    const names = new Set(this.#pod.spec.containers.map(({ name }) => name));
    const busy = [...start.map(({ name }) => name), ...waits.keys()].some((name) =>
      names.has(name),
    );
    if (busy || kill.some(({ spec }) => spec && names.has(spec.name))) return;
    this.#actions.done = outcome(ends);
    this.#actions.start = [];
    this.#actions.waits.clear();
  }
}

function restarts(policy: RestartPolicy, { detail }: ContainerState): boolean {
  return policy === "Always" || (policy === "OnFailure" && detail.exitCode !== 0);
}

function outcome(ends: (ContainerState | undefined)[]): "Succeeded" | "Failed" {
  return ends.every((end) => end?.detail.exitCode === 0) ? "Succeeded" : "Failed";
}
