import type { MessageInitShape } from "@bufbuild/protobuf";
import type { LeaseSchema, Leases } from "#gen/wire/containerd-api/proto/leases_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";
import { timestampOfUs } from "#lib/rpc/timestamp.ts";
import type { GarbageScheduler } from "../gc/garbage_scheduler.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import type { LeaseRecord, LeaseStore } from "../metadata/lease_store.ts";
import { refuse } from "../metadata/refusal.ts";

/** The leases service: what clients protect from garbage collection. */
export function leasesService(
  leases: LeaseStore,
  garbage: GarbageScheduler,
): ServiceImplementation<typeof Leases> {
  return {
    create: async ({ id, labels }, context) => ({
      lease: leaseOf(leases.create(namespaceOf(context), id, labels)),
    }),
    delete: async ({ id, sync }, context) => {
      leases.delete(namespaceOf(context), id);
      if (sync) await garbage.collect();
      else garbage.schedule();
      return {};
    },
    list: async ({ filters }, context) => ({
      leases: leases.list(namespaceOf(context), filters).map(leaseOf),
    }),
    addResource: async ({ id, resource }, context) => {
      if (!resource) throw refuse("invalid_argument", "resource must be set");
      leases.addResource(namespaceOf(context), id, resource);
      return {};
    },
    deleteResource: async ({ id, resource }, context) => {
      if (!resource) throw refuse("invalid_argument", "resource must be set");
      leases.deleteResource(namespaceOf(context), id, resource);
      return {};
    },
    listResources: async ({ id }, context) => ({
      resources: leases.resources(namespaceOf(context), id),
    }),
  };
}

function leaseOf({ id, labels, createdUs }: LeaseRecord): MessageInitShape<typeof LeaseSchema> {
  return { id, labels, createdAt: timestampOfUs(createdUs) };
}
