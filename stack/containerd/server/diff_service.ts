import type { Diff } from "#gen/wire/containerd-api/proto/diff_pb.ts";
import type { ServiceImplementation } from "#lib/rpc/service.ts";
import type { ContentStores } from "../content/content_writer.ts";
import { applyLayer } from "../diff/layer_apply.ts";
import { createLayer } from "../diff/layer_create.ts";
import { layerTarget } from "../diff/layer_target.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";

const UNCOMPRESSED = "application/vnd.oci.image.layer.v1.tar";

/** The diff service: layers to file systems and back. */
export function diffService(stores: ContentStores): ServiceImplementation<typeof Diff> {
  return {
    apply: async ({ diff, mounts, syncFs }, context) => {
      if (!diff) throw refuse("invalid_argument", "diff must be set");
      const target = layerTarget(mounts);
      stores.blobs.info(namespaceOf(context), diff.digest);
      const blob = await stores.content.openBlob(diff.digest);
      try {
        const { digest, size } = await applyLayer(blob, diff.mediaType, target, {
          sync: syncFs,
          checkRoom: () => stores.checkRoom?.(),
        });
        return { applied: { mediaType: UNCOMPRESSED, digest, size: BigInt(size) } };
      } finally {
        await blob.close();
      }
    },
    diff: async (request, context) => ({
      diff: await createLayer(stores, namespaceOf(context), context.lease, request),
    }),
  };
}
