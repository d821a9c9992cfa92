import { chmodSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { EnvelopeSchema } from "#gen/wire/containerd-api/proto/types/event_pb.ts";
import { Events } from "#gen/wire/task-ttrpc/proto/events_pb.ts";
import { clearStaleSocket } from "#lib/install/socket_access.ts";
import { TtrpcDispatch } from "#wire/task-ttrpc/server/ttrpc_dispatch.ts";
import { serveTtrpc, type TtrpcServer } from "#wire/task-ttrpc/server/ttrpc_server.ts";
import type { EventBus } from "../events/event_bus.ts";
import { eventField } from "../events/event_field.ts";
import { refuse } from "../metadata/refusal.ts";
import type { TaskTable } from "./task_table.ts";

/** Shims run as root; nobody else has events to tell. */
const SOCKET_MODE = 0o600;

/** These are of an exec alone: the state of the container's init is what it was. */
const OF_EXECS = /^\/tasks\/exec-/;

/**
 * Serves the socket on which shims tell their events (TTRPC_ADDRESS), and puts them on the bus.
 * What is known of the task that an event is about may then be no longer true.
 */
export async function receiveEvents(
  path: string,
  events: EventBus,
  tasks: TaskTable,
): Promise<TtrpcServer> {
  await clearStaleSocket(path);
  const dispatch = new TtrpcDispatch("containerd");
  dispatch.add(Events, {
    forward: async ({ envelope }) => {
      if (!envelope) throw refuse("invalid_argument", "envelope must be set");
      const { timestamp, namespace, topic, event } = envelope;
      if (!OF_EXECS.test(topic)) {
        tasks.get(namespace, eventField(event, ["container_id"]) ?? "")?.known.changed();
      }
      events.forward(
        create(EnvelopeSchema, {
          namespace,
          topic,
          ...(timestamp ? { timestamp } : {}),
          ...(event ? { event } : {}),
        }),
      );
      return {};
    },
  });
  const server = serveTtrpc(path, dispatch);
  chmodSync(path, SOCKET_MODE);
  return server;
}
