import {
  NamespaceCreateSchema,
  NamespaceDeleteSchema,
  NamespaceUpdateSchema,
} from "#gen/wire/containerd-api/proto/events/namespace_pb.ts";
import type { Namespaces } from "#gen/wire/containerd-api/proto/namespaces_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { NamespaceStore } from "../metadata/namespace_store.ts";
import { refuse } from "../metadata/refusal.ts";

/** The namespaces service. Its events are published in the namespace that they are about. */
export function namespacesService(
  namespaces: NamespaceStore,
  events: EventBus,
): ServiceImplementation<typeof Namespaces> {
  return {
    get: async ({ name }) => ({ namespace: namespaces.get(name) }),
    list: async () => ({ namespaces: namespaces.list() }),
    create: async ({ namespace }) => {
      const { name, labels } = required(namespace);
      const created = namespaces.create(name, labels);
      events.publish(name, "/namespaces/create", NamespaceCreateSchema, { name, labels });
      return { namespace: created };
    },
    update: async ({ namespace, updateMask }) => {
      const { name, labels } = required(namespace);
      const updated = namespaces.update(name, labels, updateMask?.paths ?? []);
      events.publish(name, "/namespaces/update", NamespaceUpdateSchema, {
        name,
        labels: updated.labels,
      });
      return { namespace: updated };
    },
    delete: async ({ name }) => {
      namespaces.delete(name);
      events.publish(name, "/namespaces/delete", NamespaceDeleteSchema, { name });
      return {};
    },
  };
}

function required<T>(namespace: T | undefined): T {
  if (!namespace) throw refuse("invalid_argument", "namespace must be set");
  return namespace;
}
