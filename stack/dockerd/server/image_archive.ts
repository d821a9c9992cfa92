import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, rmSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Pack, pack } from "tar-stream";
import { type Descriptor, type Manifest, MEDIA } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import type { ProgressMessage } from "#wire/docker-api/types/image.ts";
import type { Daemon } from "../daemon.ts";
import { chainIds } from "../images/chain_id.ts";
import { checkedTar } from "../images/checked_tar.ts";
import { decompressed } from "../images/decompress.ts";
import type { ImageConfig, LoadedImage } from "../images/image_types.ts";
import { familiarName, fullName, parseReference } from "../images/reference.ts";
import { invalid } from "../refusals.ts";

const op = "load image";
/** Most files in an image archive, and the longest JSON among them. */
const MAX_FILES = 100_000;
const MAX_JSON_BYTES = 16 * 1024 * 1024;

interface ArchiveEntry {
  Config: string;
  RepoTags: string[] | null;
  Layers: string[];
}

/** An archive's files, spooled under names of our own: names in the tar are never paths of ours. */
type Spool = Map<string, string>;

/** POST /images/load: archives of `docker save` and OCI layouts. */
export async function* imageLoad(
  daemon: Daemon,
  tar: ByteStream,
  context: CallContext,
): AsyncIterable<ProgressMessage> {
  const folder = join(daemon.options.root, "tmp", `load-${randomBytes(8).toString("hex")}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    const spool = await spoolTar(tar, folder);
    const loaded = await daemon.images.leased(daemon.call(context), (call) =>
      spool.has("manifest.json")
        ? loadDockerArchive(daemon, spool, call)
        : loadOciLayout(daemon, spool, call),
    );
    for (const { image, names } of loaded) {
      daemon.events.publish("image", "load", image.id, { name: image.id });
      if (names.length === 0) yield { stream: `Loaded image ID: ${image.id}\n` };
      for (const name of names) yield { stream: `Loaded image: ${familiarName(name)}\n` };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function spoolTar(tar: ByteStream, folder: string): Promise<Spool> {
  const spool: Spool = new Map();
  const links: [string, string][] = [];
  const extracting = extract();
  const source = Readable.from(checkedTar(decompressed(tar)));
  source.on("error", (error) => extracting.destroy(error));
  source.pipe(extracting);
  let count = 0;
  for await (const entry of extracting) {
    const { name, type, linkname } = entry.header;
    if (++count > MAX_FILES) throw invalid(op, "the archive has too many files");
    const clean = name.replace(/^(\.\/)+/, "");
    if (type === "file") {
      const path = join(folder, String(count));
      await pipeline(entry, createWriteStream(path, { mode: 0o600 }));
      spool.set(clean, path);
      continue;
    }
    // Older archives share equal layers by links: "../ID/layer.tar".
    if ((type === "symlink" || type === "link") && linkname) links.push([clean, linkname]);
    entry.resume();
  }
  for (const [name, target] of links) {
    const path = spool.get(join("/", name, "..", target).slice(1)) ?? spool.get(target);
    if (path) spool.set(name, path);
  }
  return spool;
}

function fileOf(spool: Spool, name: string): string {
  const path = spool.get(name);
  if (!path) throw invalid(op, `invalid archive: ${JSON.stringify(name)} is missing`);
  return path;
}

async function jsonOf<T>(spool: Spool, name: string): Promise<T> {
  const path = fileOf(spool, name);
  if (statSync(path).size > MAX_JSON_BYTES)
    throw invalid(op, `invalid archive: ${name} is too large`);
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    throw invalid(op, `invalid archive: ${name} is not JSON`);
  }
}

interface LoadedNames {
  image: LoadedImage;
  names: string[];
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
    const image = await addImage(daemon, fileOf(spool, entry.Config), config, layers, names, call);
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

async function writeLayer(daemon: Daemon, path: string, call: CallContext): Promise<Descriptor> {
  const data = createReadStream(path, { highWaterMark: 1 << 20 });
  const head = await readHead(path);
  const gzip = head[0] === 0x1f && head[1] === 0x8b;
  return daemon.images.blobs.write({ mediaType: gzip ? MEDIA.layerGzip : MEDIA.layer, data }, call);
}

async function readHead(path: string): Promise<Uint8Array> {
  return new Uint8Array(await Bun.file(path).slice(0, 2).arrayBuffer());
}

/** The configuration is kept byte by byte: its digest is the image's id. */
async function addImage(
  daemon: Daemon,
  configPath: string,
  config: ImageConfig,
  layers: Descriptor[],
  names: string[],
  call: CallContext,
): Promise<LoadedImage> {
  const chain = chainIds(config.rootfs.diff_ids).at(-1);
  const labels = chain
    ? { [`containerd.io/gc.ref.snapshot.${daemon.images.snapshotter}`]: chain }
    : {};
  const bytes = await readFile(configPath);
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

const blobPath = (digest: string) => `blobs/${digest.replace(":", "/")}`;

async function loadOciLayout(
  daemon: Daemon,
  spool: Spool,
  call: CallContext,
): Promise<LoadedNames[]> {
  if (!spool.has("index.json")) {
    throw invalid(op, "invalid archive: neither manifest.json nor index.json is in it");
  }
  const { manifests } = await jsonOf<{ manifests: Descriptor[] }>(spool, "index.json");
  const out: LoadedNames[] = [];
  for (const descriptor of manifests ?? []) {
    const manifest = await jsonOf<Manifest>(spool, blobPath(descriptor.digest));
    const configPath = fileOf(spool, blobPath(manifest.config.digest));
    const config = await jsonOf<ImageConfig>(spool, blobPath(manifest.config.digest));
    checkConfig(config, manifest.layers.length);
    const layers: Descriptor[] = [];
    for (const { digest, mediaType } of manifest.layers) {
      const data = createReadStream(fileOf(spool, blobPath(digest)), { highWaterMark: 1 << 20 });
      layers.push(await daemon.images.blobs.write({ mediaType, data, digest }, call));
    }
    const given =
      descriptor.annotations?.["io.containerd.image.name"] ??
      descriptor.annotations?.["org.opencontainers.image.ref.name"];
    const names = given?.match(/[:/]/) ? [fullName(parseReference(given))] : [];
    out.push({ image: await addImage(daemon, configPath, config, layers, names, call), names });
  }
  return out;
}

/** GET /images/get: an OCI layout that is a docker archive at the same time. */
export async function imageSave(
  daemon: Daemon,
  names: string[],
  context: CallContext,
): Promise<ByteStream> {
  const call = daemon.call(context);
  const wanted = new Map<string, LoadedNames>();
  for (const name of names) {
    const image = await daemon.images.find(name, call);
    const known = wanted.get(image.id) ?? { image, names: [] };
    if (!image.id.startsWith(name.startsWith("sha256:") ? name : `sha256:${name}`)) {
      known.names.push(fullName(parseReference(name)));
    }
    wanted.set(image.id, known);
  }
  const packing = pack();
  writeArchive(daemon, packing, [...wanted.values()], call).catch((error: unknown) =>
    packing.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return packing as unknown as ByteStream;
}

async function writeArchive(
  daemon: Daemon,
  packing: Pack,
  images: LoadedNames[],
  call: CallContext,
): Promise<void> {
  const written = new Set<string>();
  const manifests: Descriptor[] = [];
  const entries: ArchiveEntry[] = [];
  for (const { image, names } of images) {
    const { config, layers } = image.manifest;
    for (const blob of [...layers, config]) await writeBlob(daemon, packing, blob, written, call);
    const { info } = await daemon.services.content.info({ digest: image.manifestDigest }, call);
    const target: Descriptor = {
      mediaType: image.manifest.mediaType ?? MEDIA.manifest,
      digest: image.manifestDigest,
      size: Number(info?.size ?? 0n),
    };
    await writeBlob(daemon, packing, target, written, call);
    for (const name of names.length > 0 ? names : [undefined]) {
      const annotations = name ? { annotations: { "io.containerd.image.name": name } } : {};
      manifests.push({ ...target, ...annotations });
    }
    entries.push({
      Config: blobPath(config.digest),
      RepoTags: names.length > 0 ? names.map(familiarName) : null,
      Layers: layers.map(({ digest }) => blobPath(digest)),
    });
  }
  writeFile(packing, "index.json", { schemaVersion: 2, mediaType: MEDIA.index, manifests });
  writeFile(packing, "manifest.json", entries);
  writeFile(packing, "oci-layout", { imageLayoutVersion: "1.0.0" });
  packing.finalize();
}

function writeFile(packing: Pack, name: string, value: unknown): void {
  packing.entry({ name, mode: 0o644, mtime: new Date(0) }, JSON.stringify(value));
}

async function writeBlob(
  daemon: Daemon,
  packing: Pack,
  blob: Descriptor,
  written: Set<string>,
  call: CallContext,
): Promise<void> {
  if (written.has(blob.digest)) return;
  written.add(blob.digest);
  const header = { name: blobPath(blob.digest), size: blob.size, mode: 0o644, mtime: new Date(0) };
  const entry = packing.entry(header);
  await pipeline(Readable.from(daemon.images.blobs.read(blob.digest, call)), entry);
}
