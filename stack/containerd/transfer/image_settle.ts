import type { ImageStore } from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { type Descriptor, isManifest, referenceLabels, walkImage } from "./image_tree.ts";
import { unpackImage } from "./image_unpack.ts";
import type { TransferParts } from "./transfer_parts.ts";

/**
 * Makes what was brought an image: links each blob to those it refers to, so that the garbage
 * collector follows, and unpacks the manifests for the platforms that the store wants unpacked.
 */
export async function settleImages(
  parts: TransferParts,
  store: ImageStore,
  images: readonly Descriptor[],
): Promise<void> {
  const manifests = new Map<string, Descriptor>();
  for (const image of images) {
    await walkImage(parts.blobs, image, async (target, children) => {
      await parts.blobs.label(target.digest, referenceLabels(target, children));
      if (isManifest(target)) manifests.set(target.digest, target);
      return true;
    });
  }
  for (const manifest of manifests.values()) {
    for (const unpack of store.unpacks) await unpackImage(parts, manifest, unpack);
  }
}
