import { type Pack, pack } from "tar-stream";
import type {
  ImageExportStream,
  ImageStore,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { streamDrained } from "../diff/stream_drained.ts";
import { refuse } from "../metadata/refusal.ts";
import type { ImageBlobs } from "./image_blobs.ts";
import { IMAGE_NAME, REFERENCE_NAME, shortName } from "./image_names.ts";
import { lookUp } from "./image_store.ts";
import { type Descriptor, isFor, isManifest, partsOf, walkImage } from "./image_tree.ts";
import type { TransferParts } from "./transfer_parts.ts";

const LAYOUT_FILE = "oci-layout";
const LAYOUT = { imageLayoutVersion: "1.0.0" };

/** Writes images as an archive in the OCI layout; docker reads it too, unless not wanted. */
export async function* exportImages(
  parts: TransferParts,
  source: ImageStore,
  options: ImageExportStream,
): AsyncGenerator<Uint8Array> {
  const images = await lookUp(parts, source);
  if (images.length === 0) throw refuse("invalid_argument", "no image to export");
  const wanted = options.allPlatforms ? [] : options.platforms;
  const found = new Set<string>();
  const docker: object[] = [];
  for (const { name, target } of images) {
    await walkImage(parts.blobs, target, async (blob) => {
      if (!isFor(wanted, blob.platform)) return false;
      found.add(blob.digest);
      if (isManifest(blob) && !options.skipCompatibilityManifest) {
        docker.push(await dockerEntry(parts.blobs, blob, name));
      }
      return true;
    });
  }
  const manifests = images.map(({ name, target }) => ({
    ...target,
    annotations: { ...target.annotations, [IMAGE_NAME]: name, [REFERENCE_NAME]: tagOf(name) },
  }));
  const archive = pack();
  const written = write(archive, parts.blobs, {
    blobs: [...found],
    documents: {
      "index.json": { schemaVersion: 2, manifests },
      ...(docker.length > 0 ? { "manifest.json": docker } : {}),
      [LAYOUT_FILE]: LAYOUT,
    },
  }).catch((error: Error) => archive.destroy(error));
  yield* archive as AsyncIterable<unknown> as AsyncIterable<Uint8Array>;
  await written;
}

/** Entries in the order of their names, without a time: the same image makes the same archive. */
async function write(
  archive: Pack,
  blobs: ImageBlobs,
  contents: { blobs: string[]; documents: Record<string, unknown> },
): Promise<void> {
  const mtime = new Date(0);
  const algorithms = new Set(contents.blobs.map((digest) => digest.split(":")[0]!));
  for (const name of ["blobs/", ...[...algorithms].sort().map((item) => `blobs/${item}/`)]) {
    archive.entry({ name, type: "directory", mode: 0o755, mtime });
  }
  for (const digest of contents.blobs.toSorted()) {
    const size = (await blobs.size(digest)) ?? 0;
    const name = `blobs/${digest.replace(":", "/")}`;
    const entry = archive.entry({ name, size, mode: 0o444, mtime });
    for await (const chunk of blobs.read(digest)) {
      if (!entry.write(chunk)) await streamDrained(entry as unknown as NodeJS.EventEmitter);
    }
    const closed = new Promise<void>((resolve) => entry.once("close", resolve));
    entry.end(null);
    await closed;
  }
  for (const [name, document] of Object.entries(contents.documents)) {
    const mode = name === LAYOUT_FILE ? 0o444 : 0o644;
    archive.entry({ name, mode, mtime }, JSON.stringify(document));
  }
  archive.finalize();
}

async function dockerEntry(blobs: ImageBlobs, manifest: Descriptor, name: string) {
  const { config, layers } = await partsOf(blobs, manifest);
  const path = ({ digest }: Descriptor) => `blobs/${digest.replace(":", "/")}`;
  return { Config: path(config), RepoTags: [shortName(name)], Layers: layers.map(path) };
}

/** The tag of a name; all of it when it has none. */
function tagOf(name: string): string {
  return /:([^:/]+)$/.exec(name)?.[1] ?? name;
}
