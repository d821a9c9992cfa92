import type { Container, Containers } from "#gen/wire/containerd-api/proto/containers_pb.ts";
import {
  ContainerCreateSchema,
  ContainerDeleteSchema,
  ContainerUpdateSchema,
} from "#gen/wire/containerd-api/proto/events/container_pb.ts";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { GarbageScheduler } from "../gc/garbage_scheduler.ts";
import type { ContainerStore } from "../metadata/container_store.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";

export interface ContainerParts {
  containers: ContainerStore;
  events: EventBus;
  garbage: GarbageScheduler;
}

/** The containers service: records of what is to run. */
export function containersService(parts: ContainerParts): ServiceImplementation<typeof Containers> {
  const { containers, events, garbage } = parts;
  return {
    get: async ({ id }, context) => ({ container: containers.get(namespaceOf(context), id) }),
    list: async ({ filters }, context) => ({
      containers: containers.list(namespaceOf(context), filters),
    }),
    listStream: async function* ({ filters }, context) {
      for (const container of containers.list(namespaceOf(context), filters)) yield { container };
    },
    create: async ({ container }, context) => createContainer(parts, container, context),
    update: async ({ container, updateMask }, context) => {
      if (!container?.id) throw refuse("invalid_argument", "Container.ID required");
      const namespace = namespaceOf(context);
      const updated = containers.update(namespace, container, updateMask?.paths ?? []);
      const { id, image, labels, snapshotKey } = updated;
      events.publish(namespace, "/containers/update", ContainerUpdateSchema, {
        id,
        image,
        labels,
        snapshotKey,
      });
      return { container: updated };
    },
    delete: async ({ id }, context) => {
      const namespace = namespaceOf(context);
      containers.delete(namespace, id);
      garbage.schedule();
      events.publish(namespace, "/containers/delete", ContainerDeleteSchema, { id });
      return {};
    },
  };
}

function createContainer(
  { containers, events }: ContainerParts,
  given: Container | undefined,
  context: CallContext,
) {
  const namespace = namespaceOf(context);
  if (!given) throw refuse("invalid_argument", "container must be set");
  const container = containers.create(namespace, given);
  const { name = "", options } = container.runtime ?? {};
  events.publish(namespace, "/containers/create", ContainerCreateSchema, {
    id: container.id,
    image: container.image,
    runtime: options ? { name, options } : { name },
  });
  return { container };
}
