import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { TASK_EVENTS, type TaskTopic } from "#wire/task-ttrpc/task_events.ts";
import type { EventPublisher } from "./event_publisher.ts";
import { timestampFromNs } from "./timestamp.ts";

type EventOf<T extends TaskTopic> = MessageInitShape<(typeof TASK_EVENTS)[T]>;

interface ExitFields {
  containerId: string;
  /** The container's id for its init in exit events, empty in delete events; else the exec id. */
  id: string;
  pid: number;
  exitStatus: number;
  exitedNs: bigint;
}

/** The events of tasks, each under its topic. */
export class TaskEvents {
  readonly #publisher: EventPublisher;

  constructor(publisher: EventPublisher) {
    this.#publisher = publisher;
  }

  created(event: EventOf<"/tasks/create">): void {
    this.#send("/tasks/create", event);
  }

  started(containerId: string, pid: number): void {
    this.#send("/tasks/start", { containerId, pid });
  }

  execAdded(containerId: string, execId: string): void {
    this.#send("/tasks/exec-added", { containerId, execId });
  }

  execStarted(containerId: string, execId: string, pid: number): void {
    this.#send("/tasks/exec-started", { containerId, execId, pid });
  }

  exit(fields: ExitFields, told: () => void): void {
    const event = { ...fields, exitedAt: timestampFromNs(fields.exitedNs) };
    this.#send("/tasks/exit", event, told);
  }

  deleted(fields: ExitFields): void {
    this.#send("/tasks/delete", { ...fields, exitedAt: timestampFromNs(fields.exitedNs) });
  }

  oom(containerId: string): void {
    this.#send("/tasks/oom", { containerId });
  }

  paused(containerId: string): void {
    this.#send("/tasks/paused", { containerId });
  }

  resumed(containerId: string): void {
    this.#send("/tasks/resumed", { containerId });
  }

  flush(ms: number): Promise<void> {
    return this.#publisher.flush(ms);
  }

  #send<T extends TaskTopic>(topic: T, event: EventOf<T>, told?: () => void): void {
    const schema = TASK_EVENTS[topic];
    const value = toBinary(schema, create(schema, event as never) as never);
    // containerd's typeurl wants the bare name, without a host.
    this.#publisher.publish(topic, { typeUrl: schema.typeName, value }, told);
  }
}
