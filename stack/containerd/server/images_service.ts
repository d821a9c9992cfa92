import {
  ImageCreateSchema,
  ImageDeleteSchema,
  type Images,
  ImageUpdateSchema,
} from "#gen/wire/containerd-api/proto/images_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { GarbageScheduler } from "../gc/garbage_scheduler.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import type { ImageStore } from "../metadata/image_store.ts";
import { refuse } from "../metadata/refusal.ts";

export interface ImageParts {
  images: ImageStore;
  events: EventBus;
  garbage: GarbageScheduler;
}

/** The images service: names and what they point at. */
export function imagesService(parts: ImageParts): ServiceImplementation<typeof Images> {
  const { images, events, garbage } = parts;
  return {
    get: async ({ name }, context) => ({ image: images.get(namespaceOf(context), name) }),
    list: async ({ filters }, context) => ({ images: images.list(namespaceOf(context), filters) }),
    create: async ({ image, sourceDateEpoch }, context) => {
      if (!image?.name) throw refuse("invalid_argument", "Image.Name required");
      const namespace = namespaceOf(context);
      const created = images.create(namespace, image, sourceDateEpoch);
      const { name, labels } = created;
      events.publish(namespace, "/images/create", ImageCreateSchema, { name, labels });
      return { image: created };
    },
    update: async ({ image, updateMask, sourceDateEpoch }, context) => {
      if (!image?.name) throw refuse("invalid_argument", "Image.Name required");
      const namespace = namespaceOf(context);
      const mask = updateMask?.paths ?? [];
      const updated = images.update(namespace, image, mask, sourceDateEpoch);
      const { name, labels } = updated;
      events.publish(namespace, "/images/update", ImageUpdateSchema, { name, labels });
      return { image: updated };
    },
    delete: async ({ name, sync, target }, context) => {
      const namespace = namespaceOf(context);
      images.delete(namespace, name, target?.digest);
      events.publish(namespace, "/images/delete", ImageDeleteSchema, { name });
      if (sync) await garbage.collect();
      else garbage.schedule();
      return {};
    },
  };
}
