import { randomBytes } from "node:crypto";
import { createReadStream, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Descriptor, MEDIA, parseIndex } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import type { ProgressMessage } from "#wire/docker-api/types/image.ts";
import type { Daemon } from "../daemon.ts";
import {
  blobPath,
  bytesOf,
  fileOf,
  jsonOf,
  layerType,
  type Spool,
  type SpooledFile,
  type StoreBlob,
  spoolTar,
} from "../images/archive_spool.ts";
import { chainIds } from "../images/chain_id.ts";
import { decompressed } from "../images/decompress.ts";
import type { ImageConfig, LoadedImage } from "../images/image_types.ts";
import { layoutManifest } from "../images/layout_manifest.ts";
import { isLegacyArchive, readLegacyArchive } from "../images/legacy_archive.ts";
import { familiarName, fullName, parseReference } from "../images/reference.ts";
import { broken, invalid } from "../refusals.ts";

const op = "load image";

/** What `manifest.json` says of one image. */
export interface ArchiveEntry {
  Config: string;
  RepoTags: string[] | null;
  Layers: string[];
}

/** An image with the names that an archive gives it. */
export interface LoadedNames {
  image: LoadedImage;
  names: string[];
}

/** POST /images/load: archives of `docker save` and OCI layouts. */
export async function* imageLoad(
  daemon: Daemon,
  tar: ByteStream,
  context: CallContext,
): AsyncIterable<ProgressMessage> {
  const folder = join(daemon.options.root, "tmp", `load-${randomBytes(8).toString("hex")}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    const loaded = await daemon.images.leased(daemon.call(context), async (call) => {
      const store: StoreBlob = (mediaType, data) =>
        daemon.images.blobs.write({ mediaType, data }, call);
      return loadSpooled(daemon, await spoolTar(tar, folder, store), call);
    });
    for (const { image, names } of loaded) {
      daemon.events.publish("image", "load", image.id, { name: image.id });
      if (names.length === 0) yield { stream: `Loaded image ID: ${image.id}\n` };
      for (const name of names) yield { stream: `Loaded image: ${familiarName(name)}\n` };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function loadSpooled(daemon: Daemon, spool: Spool, call: CallContext): Promise<LoadedNames[]> {
  if (spool.has("manifest.json")) return loadDockerArchive(daemon, spool, call);
  if (isLegacyArchive(spool)) return loadLegacyArchive(daemon, spool, call);
  return loadOciLayout(daemon, spool, call);
}

/** Archives of docker before 1.10: their images get their configuration here. */
async function loadLegacyArchive(
  daemon: Daemon,
  spool: Spool,
  call: CallContext,
): Promise<LoadedNames[]> {
  const out: LoadedNames[] = [];
  const store = (file: SpooledFile) => {
    const data = decompressed(contentOf(daemon, file, call));
    return daemon.images.blobs.write({ mediaType: MEDIA.layer, data }, call);
  };
  for await (const { bytes, config, layers, names } of readLegacyArchive(spool, store)) {
    out.push({ image: await addImage(daemon, bytes, config, layers, names, call), names });
  }
  return out;
}

async function loadDockerArchive(
  daemon: Daemon,
  spool: Spool,
  call: CallContext,
): Promise<LoadedNames[]> {
  const entries = await jsonOf<ArchiveEntry[]>(spool, "manifest.json");
  if (!Array.isArray(entries)) throw invalid(op, "invalid archive: manifest.json is no list");
  const out: LoadedNames[] = [];
  for (const entry of entries) {
    const config = await jsonOf<ImageConfig>(spool, entry.Config);
    checkConfig(config, entry.Layers?.length ?? 0);
    const layers: Descriptor[] = [];
    for (const name of entry.Layers)
      layers.push(await writeLayer(daemon, fileOf(spool, name), call));
    const names = (entry.RepoTags ?? []).map((tag) => fullName(parseReference(tag)));
    const bytes = await bytesOf(spool, entry.Config);
    const image = await addImage(daemon, bytes, config, layers, names, call);
    out.push({ image, names });
  }
  return out;
}

function checkConfig(config: ImageConfig, layers: number): void {
  const diffIds = config?.rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || diffIds.length !== layers) {
    throw invalid(
      op,
      `invalid manifest, layers length mismatch: expected ${diffIds?.length ?? 0}, got ${layers}`,
    );
  }
}

const contentOf = (daemon: Daemon, file: SpooledFile, call: CallContext): ByteStream =>
  typeof file === "string"
    ? createReadStream(file, { highWaterMark: 1 << 20 })
    : daemon.images.blobs.read(file.digest, call);

async function writeLayer(
  daemon: Daemon,
  file: SpooledFile,
  call: CallContext,
): Promise<Descriptor> {
  if (typeof file !== "string") return file;
  const mediaType = layerType(await readHead(file));
  return daemon.images.blobs.write({ mediaType, data: contentOf(daemon, file, call) }, call);
}

async function readHead(path: string): Promise<Uint8Array> {
  return new Uint8Array(await Bun.file(path).slice(0, 2).arrayBuffer());
}

/** The configuration is kept byte by byte: its digest is the image's id. */
async function addImage(
  daemon: Daemon,
  bytes: Uint8Array,
  config: ImageConfig,
  layers: Descriptor[],
  names: string[],
  call: CallContext,
): Promise<LoadedImage> {
  const chain = chainIds(config.rootfs.diff_ids).at(-1);
  const labels = chain
    ? { [`containerd.io/gc.ref.snapshot.${daemon.images.snapshotter}`]: chain }
    : {};
  const blob = await daemon.images.blobs.writeBytes(MEDIA.config, bytes, labels, call);
  const [first, ...more] = names;
  const image = await daemon.images.addManifest(blob, layers, first, call);
  for (const name of more) await nameLike(daemon, image, name, call);
  return image;
}

async function nameLike(
  daemon: Daemon,
  image: LoadedImage,
  name: string,
  call: CallContext,
): Promise<void> {
  const { info } = await daemon.services.content.info({ digest: image.manifestDigest }, call);
  const target = {
    mediaType: MEDIA.manifest,
    digest: image.manifestDigest,
    size: Number(info?.size ?? 0n),
  };
  await daemon.images.name(name, target, call);
}

async function loadOciLayout(
  daemon: Daemon,
  spool: Spool,
  call: CallContext,
): Promise<LoadedNames[]> {
  if (!spool.has("index.json")) {
    throw invalid(op, "invalid archive: neither manifest.json nor index.json is in it");
  }
  const { manifests } = parseIndex(await bytesOf(spool, "index.json"));
  const out: LoadedNames[] = [];
  for (const descriptor of manifests) {
    const manifest = await layoutManifest(spool, descriptor);
    const config = await jsonOf<ImageConfig>(spool, blobPath(manifest.config.digest));
    checkConfig(config, manifest.layers.length);
    const layers: Descriptor[] = [];
    for (const layer of manifest.layers) layers.push(await layoutLayer(daemon, spool, layer, call));
    const given =
      descriptor.annotations?.["io.containerd.image.name"] ??
      descriptor.annotations?.["org.opencontainers.image.ref.name"];
    const names = given?.match(/[:/]/) ? [fullName(parseReference(given))] : [];
    const bytes = await bytesOf(spool, blobPath(manifest.config.digest));
    out.push({ image: await addImage(daemon, bytes, config, layers, names, call), names });
  }
  return out;
}

/** A layer of an OCI layout: its name there is the digest that it must have. */
async function layoutLayer(
  daemon: Daemon,
  spool: Spool,
  { digest, mediaType }: Descriptor,
  call: CallContext,
): Promise<Descriptor> {
  const file = fileOf(spool, blobPath(digest));
  if (typeof file === "string") {
    const data = contentOf(daemon, file, call);
    return daemon.images.blobs.write({ mediaType, data, digest }, call);
  }
  if (file.digest !== digest) {
    throw broken(op, `blob has digest ${file.digest}, expected ${digest}`);
  }
  return { ...file, mediaType };
}
