import type { ChainError } from "#lib/errors/chain_error.ts";
import type { EventInit, EventRecorder } from "../event/event_recorder.ts";
import type { ContainerSpec, Pod } from "../spec/pod.ts";

/** The events of one pod, with the object filled in. */
export class PodEvents {
  readonly #recorder: EventRecorder;
  readonly #pod: Pod;

  constructor(recorder: EventRecorder, pod: Pod) {
    this.#recorder = recorder;
    this.#pod = pod;
  }

  normal(reason: string, message: string, container?: ContainerSpec): void {
    this.#record({ type: "Normal", reason, message }, container);
  }

  warning(
    reason: string,
    message: string,
    container?: ContainerSpec,
    more: Pick<EventInit, "key" | "details"> = {},
  ): void {
    this.#record({ type: "Warning", reason, message, ...more }, container);
  }

  /**
   * A step that failed: one event for the same words. Link, cause and fix stand apart where a link
   * below has proved a cause.
   */
  failed(reason: string, what: string, error: ChainError, container?: ContainerSpec): void {
    const frame = error.frames.findLast(({ causeId }) => causeId !== undefined);
    const { layer: link = "", causeId = "", cause = "", fix = "" } = frame ?? {};
    this.warning(reason, `${what}: ${error.message}`, container, {
      key: error.words,
      ...(frame && { details: { link, causeId, cause, fix, errorId: error.id } }),
    });
  }

  #record(init: Omit<EventInit, "object">, container?: ContainerSpec): void {
    const { name, namespace, uid, spec } = this.#pod;
    const list =
      container && spec.initContainers.includes(container) ? "initContainers" : "containers";
    const fieldPath = container && `spec.${list}{${container.name}}`;
    const object = { kind: "Pod" as const, name, namespace, uid, ...(fieldPath && { fieldPath }) };
    this.#recorder.record({ object, ...init });
  }
}
