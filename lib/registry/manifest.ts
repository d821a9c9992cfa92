import { registryFault } from "./registry_failure.ts";

/** Media types of what registries and content stores hold. */
export const MEDIA = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerSchema1: "application/vnd.docker.distribution.manifest.v1+json",
  dockerSchema1Signed: "application/vnd.docker.distribution.manifest.v1+prettyjws",
} as const;

export interface Platform {
  architecture: string;
  os: string;
  variant?: string;
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: Platform;
  /** Where a foreign layer lies, when the registry does not distribute it. */
  urls?: string[];
}

export interface Manifest {
  schemaVersion: number;
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
}

export interface ImageIndex {
  manifests: Descriptor[];
}

/** Longest manifest: what registries and genuine daemons take. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** Longest configuration. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024;
/** Overlayfs and genuine dockerd take no image of more layers. */
export const MAX_LAYERS = 127;
const MAX_INDEX_ENTRIES = 1000;
/** Largest single layer that is stored. */
const MAX_LAYER_BYTES = 64 * 1024 ** 3;
const DIGEST = /^sha256:[a-f0-9]{64}$/;

export const isIndex = (mediaType: string) =>
  mediaType === MEDIA.index || mediaType === MEDIA.dockerIndex;

export const isSchema1 = (mediaType: string) =>
  mediaType === MEDIA.dockerSchema1 || mediaType === MEDIA.dockerSchema1Signed;

/** Layers that a registry need not hold: they are fetched by URL and never pushed. */
export const isForeign = (mediaType: string) =>
  mediaType.includes(".nondistributable.") || mediaType.includes(".foreign.");

function parseObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below, with what was read.
  }
  throw registryFault("read manifest", `invalid manifest: ${what} is not a JSON object`);
}

/**
 * Media type of a manifest's bytes. The content says it; the reply's header only where it does not,
 * for the header is not covered by the digest.
 */
export function manifestType(bytes: Uint8Array, header: string): string {
  const value = parseObject(bytes, "it");
  if (typeof value["mediaType"] === "string") return value["mediaType"];
  if (value["schemaVersion"] === 1) return MEDIA.dockerSchema1;
  if (Array.isArray(value["manifests"])) return MEDIA.index;
  return header.split(";")[0]!.trim() || MEDIA.manifest;
}

/** Reads an image manifest and holds it to the limits. */
export function parseManifest(bytes: Uint8Array): Manifest {
  const value = parseObject(bytes, "the image manifest");
  const { config, layers } = value;
  if (!Array.isArray(layers)) throw fault("it has no list of layers");
  if (layers.length > MAX_LAYERS) {
    throw fault(`${layers.length} layers, the limit is ${MAX_LAYERS}`);
  }
  checkDescriptor(config, "config", MAX_CONFIG_BYTES);
  for (const [at, layer] of layers.entries()) checkDescriptor(layer, `layer ${at}`);
  return value as unknown as Manifest;
}

/** Reads a manifest list or index and holds it to the limits. */
export function parseIndex(bytes: Uint8Array): ImageIndex {
  const { manifests } = parseObject(bytes, "the image index");
  if (!Array.isArray(manifests)) throw fault("the index has no list of manifests");
  if (manifests.length > MAX_INDEX_ENTRIES) {
    throw fault(`${manifests.length} manifests in the index, the limit is ${MAX_INDEX_ENTRIES}`);
  }
  for (const [at, entry] of manifests.entries()) {
    checkDescriptor(entry, `manifest ${at}`, MAX_MANIFEST_BYTES);
  }
  return { manifests: manifests as Descriptor[] };
}

function checkDescriptor(value: unknown, what: string, maxBytes = MAX_LAYER_BYTES): void {
  if (typeof value !== "object" || value === null) throw fault(`${what} is no descriptor`);
  const { digest, size, mediaType } = value as Record<string, unknown>;
  if (typeof digest !== "string" || !DIGEST.test(digest)) {
    throw fault(`${what} has no sha256 digest: ${JSON.stringify(digest)?.slice(0, 100)}`);
  }
  if (typeof mediaType !== "string") throw fault(`${what} has no media type`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw fault(`${what} has no size`);
  }
  if (size > maxBytes) throw fault(`${what} has ${size} bytes, the limit is ${maxBytes}`);
}

const fault = (reason: string) => registryFault("read manifest", `invalid manifest: ${reason}`);
