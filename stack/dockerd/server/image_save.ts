import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import { type Descriptor, MEDIA } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import type { Daemon } from "../daemon.ts";
import { blobPath } from "../images/archive_spool.ts";
import { familiarName, fullName, parseReference } from "../images/reference.ts";
import type { ArchiveEntry, LoadedNames } from "./image_load.ts";

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
  for (const { image } of wanted.values()) {
    daemon.events.publish("image", "save", image.id, { name: image.id });
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
