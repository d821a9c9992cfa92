import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  TaskCreateSchema,
  TaskDeleteSchema,
  TaskExecAddedSchema,
  TaskExecStartedSchema,
  TaskExitSchema,
  TaskOOMSchema,
  TaskPausedSchema,
  TaskResumedSchema,
  TaskStartSchema,
} from "#gen/wire/containerd-api/proto/events/task_pb.ts";
import type { EventPublisher } from "./event_publisher.ts";
import { timestampFromNs } from "./timestamp.ts";

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

  created(event: MessageInitShape<typeof TaskCreateSchema>): void {
    this.#send("/tasks/create", TaskCreateSchema, event);
  }

  started(containerId: string, pid: number): void {
    this.#send("/tasks/start", TaskStartSchema, { containerId, pid });
  }

  execAdded(containerId: string, execId: string): void {
    this.#send("/tasks/exec-added", TaskExecAddedSchema, { containerId, execId });
  }

  execStarted(containerId: string, execId: string, pid: number): void {
    this.#send("/tasks/exec-started", TaskExecStartedSchema, { containerId, execId, pid });
  }

  exit(fields: ExitFields, told: () => void): void {
    const event = { ...fields, exitedAt: timestampFromNs(fields.exitedNs) };
    this.#send("/tasks/exit", TaskExitSchema, event, told);
  }

  deleted(fields: ExitFields): void {
    const event = { ...fields, exitedAt: timestampFromNs(fields.exitedNs) };
    this.#send("/tasks/delete", TaskDeleteSchema, event);
  }

  oom(containerId: string): void {
    this.#send("/tasks/oom", TaskOOMSchema, { containerId });
  }

  paused(containerId: string): void {
    this.#send("/tasks/paused", TaskPausedSchema, { containerId });
  }

  resumed(containerId: string): void {
    this.#send("/tasks/resumed", TaskResumedSchema, { containerId });
  }

  flush(ms: number): Promise<void> {
    return this.#publisher.flush(ms);
  }

  #send<D extends DescMessage>(
    topic: string,
    schema: D,
    event: MessageInitShape<D>,
    told?: () => void,
  ): void {
    // containerd's typeurl wants the bare name, without a host.
    const value = toBinary(schema, create(schema, event));
    this.#publisher.publish(topic, { typeUrl: schema.typeName, value }, told);
  }
}
