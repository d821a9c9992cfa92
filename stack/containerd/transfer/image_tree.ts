import type { Platform } from "#gen/wire/containerd-api/proto/types/platform_pb.ts";
import { refuse } from "../metadata/refusal.ts";
import type { ImageBlobs } from "./image_blobs.ts";

/** A reference to a blob, as manifests carry it. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { os?: string; architecture?: string; variant?: string };
}

interface Manifest {
  manifests?: Descriptor[];
  config?: Descriptor;
  layers?: Descriptor[];
}

const INDEX_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFEST_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
export const INDEX_TYPE = INDEX_TYPES[0]!;
/** An index that lists indexes that list indexes… is none. */
export const MAX_DEPTH = 8;

export const isIndex = ({ mediaType }: Descriptor) => INDEX_TYPES.includes(mediaType);
export const isManifest = ({ mediaType }: Descriptor) => MANIFEST_TYPES.includes(mediaType);

/** What a manifest or an index refers to; nothing for any other blob. */
export async function childrenOf(blobs: ImageBlobs, target: Descriptor): Promise<Descriptor[]> {
  if (!isIndex(target) && !isManifest(target)) return [];
  const { manifests, config, layers } = (await blobs.readJson(target.digest)) as Manifest;
  const found = isIndex(target) ? (manifests ?? []) : [config, ...(layers ?? [])];
  return found.map((child) => {
    if (typeof child?.digest === "string" && typeof child.mediaType === "string") return child;
    throw refuse("invalid_argument", `${target.digest} refers to something without a digest`);
  });
}

/** The configuration and layers of a manifest. */
export async function partsOf(blobs: ImageBlobs, manifest: Descriptor) {
  const [config, ...layers] = await childrenOf(blobs, manifest);
  if (!config) throw refuse("invalid_argument", `manifest ${manifest.digest} has no config`);
  return { config, layers };
}

/**
 * Calls `visit` with a target and all that it refers to and that is here, each with its children:
 * an image may lack what is for other platforms. When it answers false, not the children.
 */
export async function walkImage(
  blobs: ImageBlobs,
  target: Descriptor,
  visit: (target: Descriptor, children: Descriptor[]) => Promise<boolean>,
  depth = 0,
): Promise<void> {
  if (depth > MAX_DEPTH) throw refuse("invalid_argument", "indexes are nested too deeply");
  if ((await blobs.size(target.digest)) === undefined) return;
  const children = await childrenOf(blobs, target);
  if (!(await visit(target, children))) return;
  for (const child of children) await walkImage(blobs, child, visit, depth + 1);
}

/** The labels by which the garbage collector follows a blob to its children. */
export function referenceLabels(target: Descriptor, children: Descriptor[]) {
  const labels: Record<string, string> = {};
  let layers = 0;
  for (const [index, { digest }] of children.entries()) {
    if (isIndex(target)) labels[`containerd.io/gc.ref.content.m.${index}`] = digest;
    else if (index === 0) labels["containerd.io/gc.ref.content.config"] = digest;
    else labels[`containerd.io/gc.ref.content.l.${layers++}`] = digest;
  }
  return labels;
}

/** Whether something is for one of these platforms; without any, and without its own, it is. */
export function isFor(
  platforms: readonly Platform[],
  own: Descriptor["platform"] | undefined,
): boolean {
  if (platforms.length === 0 || !own?.os) return true;
  return platforms.some(({ os, architecture, variant }) => {
    if (os === "") return true;
    if (os !== own.os || architecture !== own.architecture) return false;
    return variant === "" || !own.variant || variant === own.variant;
  });
}
