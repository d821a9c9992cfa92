import { toChainError } from "#lib/errors/chain_error.ts";
import {
  type Descriptor,
  isIndex,
  MAX_CONFIG_BYTES,
  type Manifest,
  parseIndex,
  parseManifest,
} from "#lib/registry/manifest.ts";
import { registryFault } from "#lib/registry/registry_failure.ts";
import { type FetchedManifest, readBlob } from "#lib/registry/registry_read.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { broken } from "../refusals.ts";
import { ingestBlob } from "./blob_ingest.ts";
import { chainIds } from "./chain_id.ts";
import type { ImageStore } from "./image_store.ts";
import type { ImageConfig } from "./image_types.ts";
import { unpackLayer } from "./layer_unpack.ts";
import type { ProgressFeed } from "./progress_feed.ts";
import type { FoundImage } from "./registry_lookup.ts";

/** How many layers of one image are fetched at the same time. */
const MAX_PARALLEL = 3;

/** Downloads under way in this daemon, by digest: a second pull waits instead of fetching again. */
const inFlight = new Map<string, Promise<unknown>>();

/**
 * Fetches what an image consists of and unpacks it. Layers come in parallel and are unpacked in
 * order, each as soon as it and those below are there. The caller holds a lease and names the
 * image; after a failure the lease's end leaves nothing but what a next try can continue.
 */
export async function fetchImage(
  images: ImageStore,
  found: FoundImage,
  feed: ProgressFeed,
  abort: AbortController,
  call: CallContext,
): Promise<void> {
  const own = found.chain.at(-1)!;
  const manifest = parseManifest(own.bytes);
  const config = await fetchConfig(images, found, manifest, call);
  for (const layer of manifest.layers) feed.status(shortId(layer), "Pulling fs layer");
  const slots = new Slots(MAX_PARALLEL);
  const fetched = manifest.layers.map((layer) =>
    slots.run(() => fetchLayer(images, found, layer, feed, call)),
  );
  try {
    await unpackAll(images, manifest, config, fetched, feed, call);
  } catch (error) {
    abort.abort();
    await Promise.allSettled(fetched);
    throw error;
  }
  await keepManifests(images, found.chain, manifest, call);
}

export const shortId = ({ digest }: Descriptor) => digest.replace("sha256:", "").slice(0, 12);

async function fetchConfig(
  images: ImageStore,
  { client, path }: FoundImage,
  manifest: Manifest,
  call: CallContext,
): Promise<ImageConfig> {
  const parts: Uint8Array[] = [];
  const source = { client, repository: path, descriptor: manifest.config };
  let size = 0;
  for await (const part of readBlob(source, 0)) {
    size += part.length;
    if (size > MAX_CONFIG_BYTES) throw registryFault("read config", "it is too long");
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  const config = parseConfig(bytes);
  const diffIds = config.rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || diffIds.length !== manifest.layers.length) {
    throw registryFault(
      "read config",
      `layers from manifest don't match image configuration: ${manifest.layers.length} in the ` +
        `manifest, ${diffIds?.length ?? 0} in the configuration`,
    );
  }
  if (config.os && config.os !== "linux") {
    throw registryFault(
      "read config",
      `image operating system "${config.os}" cannot be used on this platform`,
    );
  }
  const top = chainIds(diffIds).at(-1);
  const labels = top ? { [`containerd.io/gc.ref.snapshot.${images.snapshotter}`]: top } : {};
  const { mediaType, digest } = manifest.config;
  await images.blobs.writeBytes(mediaType, bytes, labels, call, digest);
  return config;
}

function parseConfig(bytes: Uint8Array): ImageConfig {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as ImageConfig;
  } catch {
    // Told below.
  }
  throw registryFault("read config", "the image's configuration is not a JSON object");
}

async function fetchLayer(
  images: ImageStore,
  { client, path }: FoundImage,
  layer: Descriptor,
  feed: ProgressFeed,
  call: CallContext,
): Promise<void> {
  const { digest } = layer;
  while (inFlight.has(digest)) await inFlight.get(digest)?.catch(() => undefined);
  const id = shortId(layer);
  const source = { client, repository: path, descriptor: layer };
  const blob = {
    descriptor: layer,
    open: (from: number) => readBlob(source, from),
    stored: (bytes: number) => feed.progress(id, "Downloading", bytes, layer.size),
  };
  // Nothing is awaited between the look and the entry: only one takes the place.
  const work = images.blobs.hold(digest, call).then(async (known) => {
    if (!known) await ingestBlob(images.services, blob, call);
    return known;
  });
  inFlight.set(digest, work);
  let known: boolean;
  try {
    known = await work;
  } finally {
    inFlight.delete(digest);
  }
  if (known) return feed.status(id, "Already exists");
  feed.status(id, "Verifying Checksum");
  feed.status(id, "Download complete");
}

async function unpackAll(
  images: ImageStore,
  manifest: Manifest,
  config: ImageConfig,
  fetched: Promise<void>[],
  feed: ProgressFeed,
  call: CallContext,
): Promise<void> {
  // A layer that fails while an earlier one is still awaited must not be an unhandled rejection.
  for (const one of fetched) one.catch(() => undefined);
  const failed = Promise.race(fetched.map((one) => one.then(() => new Promise<never>(() => {}))));
  failed.catch(() => undefined);
  const { snapshotter, services } = images;
  let parent = "";
  for (const [at, chainId] of chainIds(config.rootfs.diff_ids).entries()) {
    const layer = manifest.layers[at]!;
    await Promise.race([fetched[at]!, failed]);
    feed.progress(shortId(layer), "Extracting", layer.size, layer.size);
    const step = { snapshotter, layer, diffId: config.rootfs.diff_ids[at]!, parent, chainId };
    try {
      await unpackLayer(services, step, call);
    } catch (thrown) {
      throw toChainError(thrown, "dockerd", "unpack layer").wrap({
        layer: "dockerd",
        op: "unpack layer",
        code: "internal",
        message: `failed to register layer ${shortId(layer)}`,
      });
    }
    feed.status(shortId(layer), "Pull complete");
    parent = chainId;
  }
}

/** Stores manifest and indexes, each with labels that keep what it leads to. */
async function keepManifests(
  images: ImageStore,
  chain: FetchedManifest[],
  manifest: Manifest,
  call: CallContext,
): Promise<void> {
  for (const [at, { descriptor, bytes }] of [...chain.entries()].reverse()) {
    const labels = isIndex(descriptor.mediaType)
      ? indexLabels(bytes, chain[at + 1]!.descriptor.digest)
      : manifestLabels(manifest);
    const { mediaType, digest } = descriptor;
    await images.blobs.writeBytes(mediaType, bytes, labels, call, digest);
  }
}

function indexLabels(bytes: Uint8Array, digest: string): Record<string, string> {
  const at = parseIndex(bytes).manifests.findIndex((entry) => entry.digest === digest);
  if (at < 0) throw broken("store index", `index has no entry ${digest}`);
  return { [`containerd.io/gc.ref.content.m.${at}`]: digest };
}

/** Labels by which containerd's collection keeps what a manifest leads to. */
export function manifestLabels({ config, layers }: Manifest): Record<string, string> {
  const labels: Record<string, string> = { "containerd.io/gc.ref.content.config": config.digest };
  for (const [at, { digest }] of layers.entries()) {
    labels[`containerd.io/gc.ref.content.l.${at}`] = digest;
  }
  return labels;
}

/** A number of places for work that runs at the same time; the rest waits in order. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
