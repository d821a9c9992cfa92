import type { Store } from "#gen/wire/containerd-api/proto/sandbox_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";
import type { SandboxStore } from "../metadata/sandbox_store.ts";

/** The sandbox store service: records of sandboxes. */
export function sandboxesService(sandboxes: SandboxStore): ServiceImplementation<typeof Store> {
  return {
    create: async ({ sandbox }, context) => {
      if (!sandbox) throw refuse("invalid_argument", "sandbox must be set");
      return { sandbox: sandboxes.create(namespaceOf(context), sandbox) };
    },
    update: async ({ sandbox, fields }, context) => {
      if (!sandbox) throw refuse("invalid_argument", "sandbox must be set");
      return { sandbox: sandboxes.update(namespaceOf(context), sandbox, fields) };
    },
    delete: async ({ sandboxId }, context) => {
      sandboxes.delete(namespaceOf(context), sandboxId);
      return {};
    },
    list: async ({ filters }, context) => ({
      list: sandboxes.list(namespaceOf(context), filters),
    }),
    get: async ({ sandboxId }, context) => ({
      sandbox: sandboxes.get(namespaceOf(context), sandboxId),
    }),
  };
}
