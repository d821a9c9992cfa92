import { create } from "@bufbuild/protobuf";
import type { Events } from "#gen/wire/containerd-api/proto/events_service_pb.ts";
import { EnvelopeSchema } from "#gen/wire/containerd-api/proto/types/event_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";
import { currentTimestamp } from "#lib/rpc/timestamp.ts";
import type { EventBus } from "../events/event_bus.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";

/** The events service over the bus. */
export function eventsService(events: EventBus): ServiceImplementation<typeof Events> {
  return {
    publish: async ({ topic, event }, context) => {
      if (!event) throw refuse("invalid_argument", "event must be set");
      const namespace = namespaceOf(context);
      const timestamp = currentTimestamp();
      events.forward(create(EnvelopeSchema, { timestamp, namespace, topic, event }));
      return {};
    },
    forward: async ({ envelope }) => {
      if (!envelope) throw refuse("invalid_argument", "envelope must be set");
      events.forward(envelope);
      return {};
    },
    // Not a generator: the subscription must begin with the call, not with the first read.
    subscribe: ({ filters }, context) => events.subscribe(filters, context.signal),
  };
}
