import { createWriteStream, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { type Descriptor, MEDIA } from "#lib/registry/manifest.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { invalid } from "../refusals.ts";
import { checkedTar } from "./checked_tar.ts";
import { decompressed } from "./decompress.ts";

const op = "load image";
/** Most files in an image archive, and the longest JSON among them. */
const MAX_FILES = 100_000;
const MAX_JSON_BYTES = 16 * 1024 * 1024;

/** Files up to this size are spooled; larger ones may be layers. */
const MAX_SPOOLED_BYTES = 64 * 1024;
const GZIP = [0x1f, 0x8b];

/** A file of an archive: its path in the spool's folder, or the blob that it is already. */
export type SpooledFile = string | Descriptor;

/** An archive's files, spooled under names of our own: names in the tar are never paths of ours. */
export type Spool = Map<string, SpooledFile>;

/** Puts a file of the archive among the blobs. */
export type StoreBlob = (mediaType: string, data: ByteStream) => Promise<Descriptor>;

/**
 * Writes an archive's files into a folder, but those that are layers by their looks straight into
 * the store: they are most of it, and an archive tells only at its end which files are layers.
 */
export async function spoolTar(tar: ByteStream, folder: string, store: StoreBlob): Promise<Spool> {
  const spool: Spool = new Map();
  const links: [string, string][] = [];
  const extracting = extract();
  const source = Readable.from(checkedTar(decompressed(tar)));
  source.on("error", (error) => extracting.destroy(error));
  source.pipe(extracting);
  let count = 0;
  for await (const entry of extracting) {
    const { name, type, linkname, size = 0 } = entry.header;
    if (++count > MAX_FILES) throw invalid(op, "the archive has too many files");
    const clean = name.replace(/^(\.\/)+/, "");
    if (type === "file") {
      const path = join(folder, String(count));
      spool.set(clean, await spoolFile(entry as ByteStream, size, path, store));
      continue;
    }
    // Older archives share equal layers by links: "../ID/layer.tar".
    if ((type === "symlink" || type === "link") && linkname) links.push([clean, linkname]);
    entry.resume();
  }
  for (const [name, target] of links) {
    const file = spool.get(join("/", name, "..", target).slice(1)) ?? spool.get(target);
    if (file) spool.set(name, file);
  }
  return spool;
}

async function spoolFile(
  data: ByteStream,
  size: number,
  path: string,
  store: StoreBlob,
): Promise<SpooledFile> {
  const iterator = data[Symbol.asyncIterator]();
  const first = size > MAX_SPOOLED_BYTES ? await iterator.next() : undefined;
  const head = first?.done === false ? first.value : new Uint8Array();
  async function* whole() {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  if (head.length > 0 && !/^[\s{[]/.test(String.fromCharCode(head[0]!))) {
    return store(layerType(head), whole());
  }
  await pipeline(whole(), createWriteStream(path, { mode: 0o600 }));
  return path;
}

/** The media type of a layer, by its first bytes. */
export const layerType = (head: Uint8Array) =>
  GZIP.every((byte, at) => head[at] === byte) ? MEDIA.layerGzip : MEDIA.layer;

/** A file of the archive; throws when it has none of that name. */
export function fileOf(spool: Spool, name: string): SpooledFile {
  const file = spool.get(name);
  if (file === undefined) {
    throw invalid(op, `invalid archive: ${JSON.stringify(name)} is missing`);
  }
  return file;
}

/** The bytes of a JSON file of the archive. */
export async function bytesOf(spool: Spool, name: string): Promise<Uint8Array> {
  const path = fileOf(spool, name);
  if (typeof path !== "string") throw invalid(op, `invalid archive: ${name} is not JSON`);
  if (statSync(path).size > MAX_JSON_BYTES)
    throw invalid(op, `invalid archive: ${name} is too large`);
  return readFile(path);
}

/** Reads a JSON file of the archive. */
export async function jsonOf<T>(spool: Spool, name: string): Promise<T> {
  const bytes = await bytesOf(spool, name);
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as T;
  } catch {
    throw invalid(op, `invalid archive: ${name} is not JSON`);
  }
}

/** Where archives of OCI layouts, and ours, have a blob. */
export const blobPath = (digest: string) => `blobs/${digest.replace(":", "/")}`;
