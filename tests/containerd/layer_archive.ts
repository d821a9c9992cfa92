import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";

/** An entry of a layer: its header, and the content of a file. */
export type LayerEntry = Partial<Header> & { name: string; content?: string };

/** Makes a tar of entries whose names and targets nobody checks. */
export async function layerTar(entries: LayerEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries) archive.entry(header, content ?? "");
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** A blob that claims to be a layer, gzipped unless told otherwise. */
export interface LayerBlob {
  mediaType: string;
  bytes: Buffer;
  digest: string;
}

export function gzippedLayer(bytes: Uint8Array): LayerBlob {
  return layerBlob(gzipSync(bytes), "application/vnd.oci.image.layer.v1.tar+gzip");
}

export function layerBlob(
  bytes: Buffer,
  mediaType = "application/vnd.oci.image.layer.v1.tar",
): LayerBlob {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, bytes, digest };
}
