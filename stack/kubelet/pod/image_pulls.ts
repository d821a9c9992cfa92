import { toChainError } from "#lib/errors/chain_error.ts";
import type { ImageView, PodRuntime } from "../runtime/pod_runtime.ts";
import type { SandboxConfig } from "../runtime/runtime_config.ts";
import type { ContainerSpec } from "../spec/pod.ts";
import { BackOff, type BackOffTimes } from "./back_off.ts";
import type { PodEvents } from "./pod_events.ts";

/** The image is there, or why the container waits for it. */
export type ImageAnswer =
  | { image: ImageView }
  | { waiting: { reason: string; message: string; retryMs?: number } };

interface Pull {
  done: boolean;
  failure?: { message: string; atMs: number };
}

/** The images of one pod's containers. Pulls go on beside everything else that the pod does. */
export class ImagePulls {
  readonly #runtime: PodRuntime;
  readonly #events: PodEvents;
  readonly #changed: () => void;
  readonly #backOff: BackOff;
  readonly #pulls = new Map<string, Pull>();

  constructor(
    runtime: PodRuntime,
    events: PodEvents,
    options: { changed: () => void; backOff: BackOffTimes },
  ) {
    this.#runtime = runtime;
    this.#events = events;
    this.#changed = options.changed;
    this.#backOff = new BackOff(options.backOff);
  }

  /** The image for a start of this container. Rejects when the runtime cannot be asked. */
  async ensure(spec: ContainerSpec, sandbox: SandboxConfig): Promise<ImageAnswer> {
    const key = `${spec.name} ${spec.image}`;
    const pull = this.#pulls.get(key);
    if (pull?.done && !pull.failure) this.#pulls.delete(key);
    const pulled = pull?.done === true && !pull.failure;
    if (spec.pullPolicy !== "Always" || pulled) {
      const image = await this.#runtime.imageOf(spec.image);
      if (image) return { image };
      if (spec.pullPolicy === "Never") return this.#neverPulled(spec);
    }
    if (pull && !pull.done) return waiting("ContainerCreating", `pulling image "${spec.image}"`);
    if (pull?.failure) {
      const { message, atMs } = pull.failure;
      const left = this.#backOff.remainingMs(key, atMs, Date.now());
      if (left > 0) {
        this.#events.normal("BackOff", `Back-off pulling image "${spec.image}"`, spec);
        const words = `Back-off pulling image "${spec.image}": ${message}`;
        return waiting("ImagePullBackOff", words, left);
      }
    }
    this.#begin(key, spec, sandbox);
    return waiting("ContainerCreating", `pulling image "${spec.image}"`);
  }

  #begin(key: string, spec: ContainerSpec, sandbox: SandboxConfig): void {
    const pull: Pull = { done: false };
    this.#pulls.set(key, pull);
    this.#events.normal("Pulling", `Pulling image "${spec.image}"`, spec);
    const begun = performance.now();
    this.#runtime
      .pullImage(spec.image, sandbox)
      .then(() => {
        const seconds = ((performance.now() - begun) / 1000).toFixed(3);
        const words = `Successfully pulled image "${spec.image}" in ${seconds}s`;
        this.#events.normal("Pulled", words, spec);
      })
      .catch((thrown: unknown) => {
        const { message } = toChainError(thrown, "dockershim", "pull image");
        pull.failure = { message, atMs: Date.now() };
        this.#backOff.next(key, Date.now());
        const words = `Failed to pull image "${spec.image}": ${message}`;
        this.#events.warning("Failed", words, spec, { key: "pull" });
      })
      .finally(() => {
        pull.done = true;
        this.#changed();
      });
  }

  #neverPulled(spec: ContainerSpec): ImageAnswer {
    const message = `Container image "${spec.image}" is not present with pull policy of Never`;
    this.#events.warning("ErrImageNeverPull", message, spec);
    return waiting("ErrImageNeverPull", message, NEVER_PULL_RETRY_MS);
  }
}

/** Somebody may import it meanwhile. */
const NEVER_PULL_RETRY_MS = 10_000;

function waiting(reason: string, message: string, retryMs?: number): ImageAnswer {
  return { waiting: { reason, message, ...(retryMs !== undefined && { retryMs }) } };
}
