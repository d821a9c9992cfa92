import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { toChainError } from "#lib/errors/chain_error.ts";
import { syncFileSystem } from "#lib/linux/layer_file.ts";
import { tarExtract } from "#lib/tar/tar_extract.ts";
import { decompressor, detectCompression, layerCompression } from "./layer_compression.ts";
import { EntryWriter } from "./layer_entry.ts";
import { LayerFolder } from "./layer_folder.ts";
import type { LayerTarget } from "./layer_target.ts";
import { streamDrained } from "./stream_drained.ts";

const READ_CHUNK_BYTES = 256 * 1024;

export interface AppliedLayer {
  /** Digest of the uncompressed archive: the layer's diff id. */
  digest: string;
  /** Size of the uncompressed archive, in bytes. */
  size: number;
}

export interface ApplyOptions {
  /** It resolves when everything is on the disk. */
  sync: boolean;
  /** Asked again and again; throws when there is no more room for files. */
  checkRoom?: () => void;
}

/**
 * Unpacks a layer into a folder, in constant memory, whatever its size. The caller closes `blob`.
 */
export async function applyLayer(
  blob: FileHandle,
  mediaType: string,
  target: LayerTarget,
  { sync, checkRoom = () => {} }: ApplyOptions,
): Promise<AppliedLayer> {
  layerCompression(mediaType);
  const head = Buffer.alloc(4);
  await blob.read(head, 0, head.length, 0);
  const compression = detectCompression(head);
  const folder = new LayerFolder(target);
  try {
    const writer = new EntryWriter(folder, target.overlay);
    const applied = await unpack(blob, decompressor(compression), writer, checkRoom);
    if (sync) syncFileSystem(folder.rootFd);
    return applied;
  } catch (error) {
    const inner = toChainError(error, "containerd", "diff.apply");
    throw inner.wrap({
      layer: "containerd",
      op: "diff.apply",
      code: inner.outer.code === "unknown" ? damageCode(error) : inner.outer.code,
      message: `failed to extract layer to ${target.folder}`,
    });
  } finally {
    folder.close();
  }
}

async function unpack(
  blob: FileHandle,
  inflate: ReturnType<typeof decompressor>,
  writer: EntryWriter,
  checkRoom: () => void,
): Promise<AppliedLayer> {
  const hash = createHash("sha256");
  let size = 0;
  const { stream: archive, take } = tarExtract();
  const feed = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of bytes) {
      checkRoom();
      hash.update(chunk);
      size += chunk.length;
      if (!archive.write(chunk) && !archive.destroyed) await streamDrained(archive);
    }
    archive.end(null);
  };
  const source = Readable.from(chunksOf(blob), { objectMode: false });
  const fed = inflate ? pipeline(source, inflate, feed) : feed(chunksOf(blob));
  // Whichever side fails first stops the other; the first failure is the one that is told.
  fed.catch((error) => archive.destroy(error));
  try {
    for await (const entry of archive) await writer.put(take(entry.header), bytesOf(entry));
    await fed;
  } catch (error) {
    archive.destroy();
    source.destroy();
    await fed.catch(() => {});
    throw error;
  }
  writer.finish();
  return { digest: `sha256:${hash.digest("hex")}`, size };
}

/** streamx types its streams' chunks as unknown; an entry's are bytes. */
function bytesOf(entry: AsyncIterable<unknown>): AsyncIterable<Uint8Array> {
  return entry as AsyncIterable<Uint8Array>;
}

async function* chunksOf(blob: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ; ) {
    const buffer = Buffer.allocUnsafe(READ_CHUNK_BYTES);
    const { bytesRead } = await blob.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** An archive or its compression that does not parse was damaged; what else failed is unknown. */
function damageCode(error: unknown): "data_loss" | "unknown" {
  const { code, message } = error as NodeJS.ErrnoException;
  const damaged =
    /^Z_|ERR_ZSTD|ZSTD/.test(code ?? "") ||
    /tar header|Unexpected end of data|Invalid/.test(message ?? "");
  return damaged ? "data_loss" : "unknown";
}
