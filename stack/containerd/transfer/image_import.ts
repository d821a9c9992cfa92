import type { ImageStore } from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { refuse } from "../metadata/refusal.ts";
import { readArchive } from "./archive_read.ts";
import { dockerImages } from "./docker_archive.ts";
import { namesOfImported, namesOfWhole } from "./image_names.ts";
import { settleImages } from "./image_settle.ts";
import { storeNames } from "./image_store.ts";
import { type Descriptor, INDEX_TYPE, isFor, referenceLabels } from "./image_tree.ts";
import type { TransferParts } from "./transfer_parts.ts";

/** Imports an archive, in the OCI layout or docker's form: content, snapshots, names. */
export async function importImages(
  parts: TransferParts,
  bytes: AsyncIterable<Uint8Array>,
  store: ImageStore,
): Promise<void> {
  const { blobs, progress } = parts;
  progress("Importing");
  const archive = await readArchive(bytes, blobs);
  let images: Descriptor[];
  if (archive.index) images = listed(archive.index);
  else if (archive.docker) images = await dockerImages(archive, blobs);
  else throw refuse("invalid_argument", "unrecognized image format");
  const index = {
    mediaType: INDEX_TYPE,
    ...(await blobs.storeJson(
      archive.index ?? { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: images },
    )),
  };
  const wanted = images.filter(({ platform }) => isFor(store.platforms, platform));
  await blobs.label(index.digest, referenceLabels(index, wanted));
  await settleImages(parts, store, wanted);
  await storeNames(parts, namesOfWhole(store, index), index, store.labels);
  for (const image of wanted) {
    await storeNames(parts, namesOfImported(store, image), image, store.labels);
  }
  progress("Completed import");
}

function listed(index: Record<string, unknown>): Descriptor[] {
  const { manifests } = index;
  if (Array.isArray(manifests)) return manifests as Descriptor[];
  throw refuse("invalid_argument", "index.json lists no manifests");
}
