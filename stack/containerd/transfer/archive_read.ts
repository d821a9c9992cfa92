import { Readable, type Transform } from "node:stream";
import { type Extract, extract } from "tar-stream";
import { decompressor, detectCompression } from "../diff/layer_compression.ts";
import { streamDrained } from "../diff/stream_drained.ts";
import { refuse } from "../metadata/refusal.ts";
import { type ImageBlobs, parseJson, type StoredBlob, wholeOf } from "./image_blobs.ts";

const BLOB = /^blobs\/([a-z0-9]+)\/([0-9a-f]+)$/;
const LINKS = ["symlink", "link"];

/** What an image archive held: its documents, and its files as blobs by their names. */
export interface ReadArchive {
  /** index.json, of an OCI layout. */
  index: Record<string, unknown> | undefined;
  /** manifest.json, of docker's form. */
  docker: Record<string, unknown> | undefined;
  files: Map<string, StoredBlob>;
  links: Map<string, string>;
}

/** Reads an archive, gzipped or not, and stores every file of it as content. */
export async function readArchive(
  bytes: AsyncIterable<Uint8Array>,
  blobs: ImageBlobs,
): Promise<ReadArchive> {
  const archive: ReadArchive = {
    index: undefined,
    docker: undefined,
    files: new Map(),
    links: new Map(),
  };
  const stream = extract();
  const fed = feed(bytes, stream).catch((error: Error) => stream.destroy(error));
  try {
    for await (const entry of stream) {
      const { name, type, linkname } = entry.header;
      const path = name.replace(/^(\.?\/)+/, "");
      if (type === "file") {
        await readFile(archive, path, entry as AsyncIterable<unknown> as Bytes, blobs);
      } else {
        if (LINKS.includes(type ?? "")) archive.links.set(path, linkname ?? "");
        entry.resume();
      }
    }
  } catch (error) {
    stream.destroy();
    throw isTarError(error) ? refuse("invalid_argument", `image archive: ${error.message}`) : error;
  } finally {
    await fed;
  }
  return archive;
}

type Bytes = AsyncIterable<Uint8Array>;

async function readFile(
  archive: ReadArchive,
  path: string,
  bytes: Bytes,
  blobs: ImageBlobs,
): Promise<void> {
  const blob = BLOB.exec(path);
  if (path === "index.json") archive.index = parseJson(await wholeOf(bytes, path), path);
  else if (path === "manifest.json") archive.docker = parseJson(await wholeOf(bytes, path), path);
  else if (path === "oci-layout") await wholeOf(bytes, path);
  else if (!blob) archive.files.set(path, await blobs.store(bytes));
  else {
    const digest = `${blob[1]}:${blob[2]}`;
    const size = await blobs.size(digest);
    if (size === undefined) archive.files.set(path, await blobs.store(bytes, digest));
    else archive.files.set(path, { digest, size, head: await skip(bytes) });
  }
}

/** Passes over bytes; returns the first of them. */
async function skip(bytes: Bytes): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  for await (const chunk of bytes)
    if (head.length === 0) head = Uint8Array.from(chunk.subarray(0, 4));
  return head;
}

async function feed(bytes: AsyncIterable<Uint8Array>, stream: Extract): Promise<void> {
  const [head, whole] = await peek(bytes);
  const inflate = decompressor(detectCompression(head));
  const plain = inflate ? piped(whole, inflate) : whole;
  for await (const chunk of plain as AsyncIterable<Uint8Array>) {
    if (stream.destroyed) return;
    if (!stream.write(chunk)) await streamDrained(stream as unknown as NodeJS.EventEmitter);
  }
  stream.end(null);
}

/** The source through a stream that inflates, its failures included. */
function piped(source: AsyncIterable<Uint8Array>, inflate: Transform): Transform {
  const readable = Readable.from(source, { objectMode: false });
  readable.once("error", (error) => inflate.destroy(error));
  return readable.pipe(inflate);
}

/** The first chunk, and all of them again. */
async function peek(
  bytes: AsyncIterable<Uint8Array>,
): Promise<[Uint8Array, AsyncIterable<Uint8Array>]> {
  const iterator = bytes[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* again() {
    for (let item = first; !item.done; item = await iterator.next()) yield item.value;
  }
  return [first.done ? new Uint8Array(0) : first.value, again()];
}

function isTarError(error: unknown): error is Error {
  return error instanceof Error && /tar header|Unexpected end/.test(error.message);
}
