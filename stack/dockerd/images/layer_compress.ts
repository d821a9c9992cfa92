import { PassThrough, pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { type Descriptor, MEDIA } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { manifestLabels } from "./image_fetch.ts";
import { type ImageStore, isDangling } from "./image_store.ts";
import type { LoadedImage } from "./image_types.ts";

/** Media types of layers that are plain tar: those of images that were made here or loaded. */
const PLAIN = [MEDIA.layer, "application/vnd.docker.image.rootfs.diff.tar"];
const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/**
 * Gives an image compressed layers and the manifest that a docker push sends, byte for byte, so
 * that a genuine dockerd that pulls and pushes it again gets the same digest. Its id and snapshots
 * stay; its names then point to the new manifest, so that the digest at the registry is the one
 * that is shown here, and a second push has nothing to do. The caller holds a lease. An image
 * without plain layers is returned as it is.
 */
export async function withCompressedLayers(
  images: ImageStore,
  image: LoadedImage,
  call: CallContext,
): Promise<LoadedImage> {
  if (!image.manifest.layers.some(({ mediaType }) => PLAIN.includes(mediaType))) return image;
  if (await isFromRegistry(images, image, call)) return image;
  const layers: Descriptor[] = [];
  for (const layer of image.manifest.layers) {
    if (PLAIN.includes(layer.mediaType)) layers.push(await compress(images, layer, call));
    else layers.push({ ...layer, mediaType: dockerLayerType(layer.mediaType) });
  }
  const config = { ...image.manifest.config, mediaType: DOCKER_CONFIG };
  const mediaType = MEDIA.dockerManifest;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: ordered(config),
    layers: layers.map(ordered),
  };
  const bytes = Buffer.from(JSON.stringify(manifest, null, 3));
  const target = await images.blobs.writeBytes(mediaType, bytes, manifestLabels(manifest), call);
  await images.retarget(image.manifestDigest, target, call);
  return images.load(target.digest, mediaType, call);
}

/** A manifest that a registry has keeps its digest wherever it is pushed. */
async function isFromRegistry(
  images: ImageStore,
  image: LoadedImage,
  call: CallContext,
): Promise<boolean> {
  const records = await images.services.images.list({ filters: [] }, call);
  return records.images.some(
    ({ name, target }) =>
      name.includes("@") && !isDangling(name) && target?.digest === image.manifestDigest,
  );
}

/** Docker's name for gzip; its pulls look at the bytes, so zstd may go by it too. */
const dockerLayerType = (mediaType: string) =>
  mediaType.startsWith("application/vnd.oci.") ? DOCKER_LAYER : mediaType;

const ordered = ({ mediaType, size, digest, urls }: Descriptor): Descriptor => ({
  mediaType,
  size,
  digest,
  ...(urls ? { urls } : {}),
});

async function compress(
  images: ImageStore,
  layer: Descriptor,
  call: CallContext,
): Promise<Descriptor> {
  const data = gzipped(images.blobs.read(layer.digest, call));
  return images.blobs.write({ mediaType: DOCKER_LAYER, data }, call);
}

function gzipped(data: ByteStream): ByteStream {
  const out = new PassThrough({ highWaterMark: 1 << 20 });
  // Whichever fails, its error comes out at the end.
  pipeline(Readable.from(data), createGzip(), out, () => undefined);
  return out as ByteStream;
}
