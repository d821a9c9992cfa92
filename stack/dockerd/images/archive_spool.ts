import { createWriteStream, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { invalid } from "../refusals.ts";
import { checkedTar } from "./checked_tar.ts";
import { decompressed } from "./decompress.ts";

const op = "load image";
/** Most files in an image archive, and the longest JSON among them. */
const MAX_FILES = 100_000;
const MAX_JSON_BYTES = 16 * 1024 * 1024;

/** An archive's files, spooled under names of our own: names in the tar are never paths of ours. */
export type Spool = Map<string, string>;

/** Writes an archive's files into a folder. */
export async function spoolTar(tar: ByteStream, folder: string): Promise<Spool> {
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

/** Where a file of the archive lies; throws when it has none of that name. */
export function fileOf(spool: Spool, name: string): string {
  const path = spool.get(name);
  if (!path) throw invalid(op, `invalid archive: ${JSON.stringify(name)} is missing`);
  return path;
}

/** The bytes of a small file of the archive. */
export async function bytesOf(spool: Spool, name: string): Promise<Uint8Array> {
  const path = fileOf(spool, name);
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
