import { Status as TaskStatus } from "#gen/wire/containerd-api/proto/types/task_pb.ts";
import { Task } from "#gen/wire/task-ttrpc/proto/task_pb.ts";
import type { ServiceClient, ServiceImplementation } from "#lib/rpc/service.ts";

/** What a shim serves, and what containerd calls: the methods of both versions of the service. */
export type TaskService = ServiceImplementation<typeof Task>;
/** The same from the caller's side. */
export type TaskClient = ServiceClient<typeof Task>;

/**
 * The names under which the one set of messages is served. Version 3 (containerd 2.x) differs from
 * version 2 in the package's name alone.
 */
export const TASK_SERVICE_NAMES = {
  2: "containerd.task.v2.Task",
  3: "containerd.task.v3.Task",
} as const;

export type TaskVersion = keyof typeof TASK_SERVICE_NAMES;

export { Task, TaskStatus };
