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

  #record(init: Omit<EventInit, "object">, container?: ContainerSpec): void {
    const { name, namespace, uid, spec } = this.#pod;
    const list =
      container && spec.initContainers.includes(container) ? "initContainers" : "containers";
    const fieldPath = container && `spec.${list}{${container.name}}`;
    const object = { kind: "Pod" as const, name, namespace, uid, ...(fieldPath && { fieldPath }) };
    this.#recorder.record({ object, ...init });
  }
}
