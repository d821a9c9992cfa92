import { posix } from "node:path";
import { detectCompression } from "../diff/layer_compression.ts";
import { refuse } from "../metadata/refusal.ts";
import type { ReadArchive } from "./archive_read.ts";
import type { ImageBlobs, StoredBlob } from "./image_blobs.ts";
import { fullName, IMAGE_NAME } from "./image_names.ts";
import type { Descriptor } from "./image_tree.ts";

const MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG_TYPE = "application/vnd.docker.container.image.v1+json";
const LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar";
/** Files of an archive may be links to others, once. */
const MAX_LINKS = 4;

interface DockerImage {
  Config?: unknown;
  RepoTags?: unknown;
  Layers?: unknown;
}

/** Makes manifests of what docker's manifest.json lists; each tag of an image is one descriptor. */
export async function dockerImages(archive: ReadArchive, blobs: ImageBlobs): Promise<Descriptor[]> {
  const listed = archive.docker;
  if (!Array.isArray(listed)) throw refuse("invalid_argument", "manifest.json is not a list");
  const images: Descriptor[] = [];
  for (const image of listed as DockerImage[])
    images.push(...(await oneImage(archive, blobs, image)));
  return images;
}

async function oneImage(
  archive: ReadArchive,
  blobs: ImageBlobs,
  { Config: config, Layers: layers, RepoTags: tags }: DockerImage,
): Promise<Descriptor[]> {
  const { digest, size } = fileOf(archive, config);
  const { os, architecture, variant } = await blobs.readJson(digest);
  const stored = await blobs.storeJson({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest, size },
    layers: (Array.isArray(layers) ? layers : []).map((name) => layerOf(fileOf(archive, name))),
  });
  const image: Descriptor = {
    mediaType: MANIFEST_TYPE,
    digest: stored.digest,
    size: stored.size,
    platform: {
      ...text("os", os),
      ...text("architecture", architecture),
      ...text("variant", variant),
    },
  };
  const names = (Array.isArray(tags) ? tags : []).filter((tag) => typeof tag === "string");
  if (names.length === 0) return [image];
  return names.map((name) => ({ ...image, annotations: { [IMAGE_NAME]: fullName(name) } }));
}

function layerOf({ digest, size, head }: StoredBlob): Descriptor {
  const compression = detectCompression(head);
  const mediaType = compression === "none" ? LAYER_TYPE : `${LAYER_TYPE}.${compression}`;
  return { mediaType, digest, size };
}

function fileOf({ files, links }: ReadArchive, name: unknown): StoredBlob {
  let path = posix.normalize(String(name));
  for (let followed = 0; followed < MAX_LINKS; followed++) {
    const file = files.get(path);
    if (file) return file;
    const target = links.get(path);
    if (target === undefined) break;
    path = posix.join(posix.dirname(path), target);
  }
  throw refuse("invalid_argument", `image archive: ${String(name)} is missing`);
}

function text(key: string, value: unknown): Record<string, string> {
  return typeof value === "string" && value !== "" ? { [key]: value } : {};
}
