import type { Transform } from "node:stream";
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress } from "node:zlib";
import { refuse } from "../metadata/refusal.ts";

export type Compression = "none" | "gzip" | "zstd";

/** Layer media types of OCI and Docker, foreign ones included, without their compression. */
const LAYER_TYPES = [
  "application/vnd.oci.image.layer.v1.tar",
  "application/vnd.oci.image.layer.nondistributable.v1.tar",
  "application/vnd.docker.image.rootfs.diff.tar",
  "application/vnd.docker.image.rootfs.foreign.diff.tar",
];

const SUFFIXES: Record<string, Compression> = {
  "": "none",
  "+gzip": "gzip",
  ".gzip": "gzip",
  "+zstd": "zstd",
  ".zstd": "zstd",
};

/** The compression that a layer's media type tells. Throws "unimplemented" for other types. */
export function layerCompression(mediaType: string): Compression {
  for (const type of LAYER_TYPES) {
    if (!mediaType.startsWith(type)) continue;
    const compression = SUFFIXES[mediaType.slice(type.length)];
    if (compression) return compression;
  }
  throw refuse("unimplemented", `unsupported diff media type: ${mediaType}`);
}

/**
 * The compression that the first bytes show. Builders were seen to label gzip as plain tar, so the
 * bytes decide, as they do in containerd.
 */
export function detectCompression(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 0x08) return "gzip";
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return "zstd";
  return "none";
}

/** A stream that decompresses; undefined when there is nothing to do. */
export function decompressor(compression: Compression): Transform | undefined {
  if (compression === "gzip") return createGunzip();
  return compression === "zstd" ? createZstdDecompress() : undefined;
}

/** A stream that compresses; undefined when there is nothing to do. */
export function compressor(compression: Compression): Transform | undefined {
  if (compression === "gzip") return createGzip();
  return compression === "zstd" ? createZstdCompress() : undefined;
}
