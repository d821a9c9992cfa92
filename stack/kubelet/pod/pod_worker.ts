import { type ChainError, toChainError } from "#lib/errors/chain_error.ts";
import { podSandboxConfig } from "../container/pod_sandbox.ts";
import { PodProbes } from "../probe/pod_probes.ts";
import type { SandboxView } from "../runtime/pod_runtime.ts";
import type { ContainerSpec, Pod } from "../spec/pod.ts";
import { makeVolumes } from "../volume/pod_volumes.ts";
import { BackOff } from "./back_off.ts";
import { ContainerStarter } from "./container_starter.ts";
import { stopContainer, stopPod } from "./container_stop.ts";
import { type Actions, nextActions } from "./next_actions.ts";
import { cleanUpPod, removeRemains } from "./pod_clean_up.ts";
import type { PodContext } from "./pod_context.ts";
import { PodEvents } from "./pod_events.ts";
import {
  type ContainerState,
  NO_STATE,
  newestOf,
  type PodState,
  PodStateReader,
} from "./pod_state.ts";
import type { PodView } from "./pod_view.ts";
import { ProbeTeller } from "./probe_teller.ts";
import { terminationMessage } from "./termination_message.ts";

/** Without a reason to, a pod is looked at so often. */
const IDLE_MS = 60_000;
const RETRY = { initialMs: 1_000, maxMs: 30_000 };

/**
 * One pod of this node, from its manifest until nothing of it is left. One turn at a time: it reads
 * what there is, decides what is to be done (`nextActions`), and does it. Whatever it waits for
 * wakes it.
 */
export class PodWorker {
  pod: Pod;
  readonly #context: PodContext;
  readonly #events: PodEvents;
  readonly #reader: PodStateReader;
  readonly #starter: ContainerStarter;
  readonly #probes: PodProbes;
  readonly #teller: ProbeTeller;
  readonly #retries = new BackOff(RETRY);
  readonly #startedMs = Date.now();
  /** Sandboxes that this worker has stopped. */
  readonly #stopped = new Set<string>();
  #state: PodState = NO_STATE;
  #phase: PodView["phase"] = "running";
  #done: PodView["done"];
  #reason: string | undefined;
  #error: ChainError | undefined;
  #wake = Promise.withResolvers<void>();
  #closed = false;

  constructor(context: PodContext, pod: Pod) {
    this.#context = context;
    this.pod = pod;
    this.#events = new PodEvents(context.events, pod);
    this.#reader = new PodStateReader(context.runtime, (container, exitCode) =>
      terminationMessage(context.folders, this.pod, container, exitCode),
    );
    this.#starter = new ContainerStarter(context, this.#events, () => this.wake());
    this.#teller = new ProbeTeller(context, this.#events, () => this.pod);
    this.#probes = new PodProbes({
      runtime: context.runtime,
      running: (name) => this.#running(name),
      ip: () => this.#ip(),
      changed: () => this.wake(),
      ran: (report) => this.#teller.tell(report),
    });
  }

  /** Runs the pod; resolves when it is gone, or soon after `close`. */
  async run(): Promise<void> {
    this.#probes.start(this.pod);
    while (!this.#closed && this.#phase !== "gone") {
      const pauseMs = await this.#turn();
      await this.#sleep(pauseMs);
    }
    this.#probes.stop();
  }

  wake(): void {
    this.#wake.resolve();
  }

  /** The manifest changed and its uid did not: containers that differ are made anew. */
  update(pod: Pod): void {
    this.pod = pod;
    this.#probes.start(pod);
    this.wake();
  }

  /** The pod is not wanted any more. */
  terminate(): void {
    if (this.#phase === "running") this.#phase = "terminating";
    this.#probes.stop();
    this.wake();
  }

  /** Leaves the pod as it is: the kubelet ends, its pods run on. */
  close(): void {
    this.#closed = true;
    this.#probes.stop();
    this.wake();
  }

  view(): PodView {
    return {
      pod: this.pod,
      state: this.#state,
      waiting: this.#starter.waiting,
      phase: this.#phase,
      done: this.#done,
      startedMs: this.#startedMs,
      isStarted: (name, id) => this.#probes.isStarted(name, id),
      isReady: (name, id) => this.#isReady(name, id),
      unexecuted: this.#teller.unexecuted,
      error: this.#error,
      reason: this.#reason,
    };
  }

  /** Does what is next and returns for how long nothing is to be done, in milliseconds. */
  async #turn(): Promise<number> {
    this.#wake = Promise.withResolvers();
    try {
      await this.#context.watch.fresh();
      this.#state = await this.#reader.read(this.#context.watch.record(this.pod.uid));
      this.#probes.keepOnly(new Set(this.#state.containers.map(({ id }) => id)));
      const pauseMs = await (this.#phase === "terminating" ? this.#finish() : this.#proceed());
      this.#error = undefined;
      this.#retries.forget("");
      return pauseMs;
    } catch (thrown) {
      this.#error = toChainError(thrown, "kubelet", "run pod");
      this.#retries.next("turn", Date.now());
      return this.#retries.delayMs("turn");
    }
  }

  async #sleep(pauseMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, pauseMs);
    await Promise.race([promise, this.#wake.promise]);
    clearTimeout(timer);
  }

  async #finish(): Promise<number> {
    await this.#stopAll();
    await this.#told("FailedCleanUp", "error removing pod", () =>
      cleanUpPod(this.#context, this.pod, this.#state),
    );
    this.#phase = "gone";
    return 0;
  }

  async #proceed(): Promise<number> {
    const limit = this.pod.spec.activeDeadlineSeconds;
    const born = this.#state.sandboxes.at(-1)?.createdMs ?? Date.now();
    const leftMs = limit === undefined ? IDLE_MS : born + limit * 1000 - Date.now();
    if (leftMs <= 0) return this.#expire();
    const actions = nextActions(this.pod, this.#state, {
      isStarted: ({ name, id }) => this.#probes.isStarted(name, id),
      condemned: ({ name, id }) => this.#probes.condemned(name, id),
      waitMs: (name, failedMs) => this.#starter.waitMs(name, failedMs),
      startFailedMs: (name) => this.#starter.failedMs(name),
    });
    await this.#perform(actions);
    return Math.min(IDLE_MS, leftMs, ...actions.waits.values());
  }

  async #expire(): Promise<number> {
    this.#reason = "DeadlineExceeded";
    this.#done = "Failed";
    this.#probes.stop();
    this.#events.warning("DeadlineExceeded", "Pod was active on the node longer than its deadline");
    await this.#stopAll();
    return IDLE_MS;
  }

  async #perform(actions: Actions): Promise<void> {
    this.#done = actions.done;
    for (const { container, spec, reason } of actions.kill) {
      await this.#kill(container, spec, reason);
    }
    for (const one of actions.stopSandboxes) await this.#stopSandbox(one);
    this.#starter.tellWaits(this.pod, actions.waits);
    if (actions.done) {
      if (this.#state.sandbox) await this.#stopAll();
      return;
    }
    if (actions.newSandbox !== undefined) await this.#makeSandbox(actions.newSandbox);
    if (actions.start.length > 0) await this.#startAll(actions.start);
    await removeRemains(this.#context, this.#state);
    if (actions.kill.length > 0) this.wake();
  }

  async #kill(
    container: ContainerState,
    spec: ContainerSpec | undefined,
    reason: string,
  ): Promise<void> {
    const byProbe = reason.endsWith("probe");
    const own = spec?.liveness?.terminationGraceSeconds;
    const graceSeconds = (byProbe && own) || this.pod.spec.terminationGraceSeconds;
    const message = byProbe ? `${reason}, will be restarted` : reason;
    const ip = this.#ip();
    const request = { container, spec, graceSeconds, message, ip };
    await stopContainer(this.#context, this.#events, request);
  }

  /** Once, unless it is ready again: what it holds is given back. */
  async #stopSandbox({ id, ready }: SandboxView): Promise<void> {
    if (!ready && this.#stopped.has(id)) return;
    await this.#context.runtime.stopSandbox(id);
    this.#stopped.add(id);
  }

  /** Ends all containers and sandboxes, within the pod's grace period. */
  async #stopAll(): Promise<void> {
    const { containers, sandboxes } = this.#state;
    await this.#told("FailedKillPod", "error killing pod", () =>
      stopPod(this.#context, this.#events, this.pod, {
        containers,
        sandboxes: sandboxes.filter(({ ready }) => ready),
        ip: this.#ip(),
        graceSeconds: this.pod.spec.terminationGraceSeconds,
      }),
    );
  }

  async #makeSandbox(attempt: number): Promise<void> {
    await this.#told("FailedCreatePodSandBox", "Failed to create pod sandbox", async () => {
      await this.#context.cgroups.create(this.pod);
      const config = podSandboxConfig(this.pod, attempt, this.#context);
      await this.#context.runtime.runSandbox(config, this.pod.spec.runtimeHandler);
    });
    this.wake();
  }

  async #startAll(specs: readonly ContainerSpec[]): Promise<void> {
    const { sandbox, ips } = this.#state;
    if (!sandbox) return;
    const scope = { pod: this.pod, node: this.#context.node, podIps: ips };
    const volumes = await this.#told("FailedMount", "Unable to make volumes", async () =>
      makeVolumes(this.#context.folders, scope),
    );
    await this.#starter.startAll(specs, {
      ...{ pod: this.pod, state: this.#state, sandboxId: sandbox.id, volumes },
      sandbox: podSandboxConfig(this.pod, sandbox.attempt, this.#context),
      goesOn: () => this.#phase === "running" && !this.#closed,
    });
  }

  /** Runs a step whose failure is told as an event of the pod, and thrown on. */
  async #told<T>(reason: string, what: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (thrown) {
      const error = toChainError(thrown, "kubelet", what);
      this.#context.record(error);
      this.#events.failed(reason, what, error);
      throw error;
    }
  }

  /** The container that probes ask. Its hooks are done: a start is over before it is seen. */
  #running(name: string): { id: string; startedMs: number } | undefined {
    if (this.#phase !== "running" || !this.#state.sandbox) return undefined;
    const container = newestOf(this.#state, name, this.#state.sandbox.id);
    if (container?.phase !== "running") return undefined;
    return { id: container.id, startedMs: container.detail.startedMs };
  }

  /** A container whose sandbox died is about to be ended: nothing reaches its address. */
  #isReady(name: string, id: string): boolean {
    const usable = this.#phase === "running" && this.#state.sandbox !== undefined;
    return usable && this.#probes.isReady(name, id);
  }

  #ip(): string {
    return this.pod.spec.hostNetwork ? this.#context.node.ip : (this.#state.ips[0] ?? "");
  }
}
