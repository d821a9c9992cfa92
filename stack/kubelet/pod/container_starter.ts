import type { ChainError } from "#lib/errors/chain_error.ts";
import type { SandboxConfig } from "../runtime/runtime_config.ts";
import type { ContainerSpec, Pod } from "../spec/pod.ts";
import { BackOff } from "./back_off.ts";
import { startContainer } from "./container_start.ts";
import { ImagePulls } from "./image_pulls.ts";
import type { PodContext } from "./pod_context.ts";
import type { PodEvents } from "./pod_events.ts";
import { newestOf, type PodState } from "./pod_state.ts";

/** Why a container does not run yet. */
export interface Waiting {
  reason: string;
  message: string;
  /** When its start failed; 0 while none did. */
  failedMs: number;
}

/** What a round of starts happens in. */
export interface StartRound {
  pod: Pod;
  state: PodState;
  sandboxId: string;
  sandbox: SandboxConfig;
  volumes: Map<string, string>;
  /** False as soon as the pod is not wanted any more. */
  goesOn: () => boolean;
}

/** Starts the containers of one pod, and knows why those that do not run wait. */
export class ContainerStarter {
  readonly waiting = new Map<string, Waiting>();
  readonly #context: PodContext;
  readonly #events: PodEvents;
  readonly #wake: () => void;
  readonly #restarts: BackOff;
  readonly #pulls: ImagePulls;

  constructor(context: PodContext, events: PodEvents, wake: () => void) {
    this.#context = context;
    this.#events = events;
    this.#wake = wake;
    this.#restarts = new BackOff(context.backOff);
    const { backOff } = context;
    this.#pulls = new ImagePulls(context.runtime, events, { changed: wake, backOff });
  }

  /** Milliseconds until a container that failed at `failedMs` may be started. */
  waitMs(name: string, failedMs: number): number {
    return this.#restarts.remainingMs(name, failedMs, Date.now());
  }

  /** When its last attempt failed before there was a process; 0 for never. */
  failedMs(name: string): number {
    return this.waiting.get(name)?.failedMs ?? 0;
  }

  /** Says of containers in back-off that they wait, once for each time. */
  tellWaits(pod: Pod, waits: ReadonlyMap<string, number>): void {
    const { containers, initContainers } = pod.spec;
    for (const spec of [...initContainers, ...containers]) {
      if (!waits.has(spec.name)) continue;
      const before = this.waiting.get(spec.name);
      // Its start failed: the reason why says more than that it waits.
      if (before && before.failedMs > 0) continue;
      const seconds = Math.round(this.#restarts.delayMs(spec.name) / 1000);
      const where = `${pod.name}_${pod.namespace}(${pod.uid})`;
      const what = "restarting failed container";
      if (before?.reason !== "CrashLoopBackOff") {
        this.#events.warning("BackOff", `Back-off ${what} ${spec.name} in pod ${where}`, spec);
      }
      const message = `back-off ${seconds}s ${what}=${spec.name} pod=${where}`;
      this.waiting.set(spec.name, { reason: "CrashLoopBackOff", message, failedMs: 0 });
    }
  }

  /** Starts these containers, one after the other; what must wait for its image waits. */
  async startAll(specs: readonly ContainerSpec[], round: StartRound): Promise<void> {
    for (const spec of specs) {
      if (!round.goesOn()) return;
      const answer = await this.#pulls.ensure(spec, round.sandbox);
      if ("waiting" in answer) {
        const { reason, message, retryMs } = answer.waiting;
        this.waiting.set(spec.name, { reason, message, failedMs: 0 });
        if (retryMs !== undefined) setTimeout(this.#wake, retryMs).unref();
        continue;
      }
      await this.#start(spec, answer.image, round);
      this.#wake();
    }
  }

  async #start(
    spec: ContainerSpec,
    image: Parameters<typeof startContainer>[2]["image"],
    round: StartRound,
  ): Promise<void> {
    const { pod, state, sandboxId, sandbox, volumes } = round;
    const before = newestOf(state, spec.name);
    // The first restart is at once; each one makes the next wait longer.
    if (before || this.failedMs(spec.name) > 0) this.#restarts.next(spec.name, Date.now());
    const failure = await startContainer(this.#context, this.#events, {
      ...{ spec, image, sandboxId, sandbox, volumes },
      attempt: before ? before.attempt + 1 : 0,
      scope: { pod, node: this.#context.node, podIps: state.ips },
    });
    if (failure) this.#failed(spec, failure.reason, failure.error);
    else this.waiting.delete(spec.name);
  }

  #failed(spec: ContainerSpec, reason: string, error: ChainError): void {
    this.#context.record(error);
    if (this.#restarts.delayMs(spec.name) === 0) this.#restarts.next(spec.name, Date.now());
    this.waiting.set(spec.name, { reason, message: error.message, failedMs: Date.now() });
  }
}
