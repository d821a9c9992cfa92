import { PassThrough, Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { invalid, unsupported } from "../refusals.ts";

const MAGIC: [string, number[]][] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
];
const LONGEST_MAGIC = 6;

/** Passes a stream on unpacked, by what its first bytes say it is. */
export async function* decompressed(data: ByteStream): ByteStream {
  const iterator = data[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < LONGEST_MAGIC) {
    const { done, value } = await iterator.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  const whole = resumed(head, iterator);
  const kind = MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0];
  if (kind === undefined) {
    yield* whole;
    return;
  }
  if (kind === "bzip2" || kind === "xz") {
    throw unsupported(
      "unpack",
      `${kind} archives are not supported: use gzip, zstd or a plain tar`,
    );
  }
  const unpack = kind === "gzip" ? createGunzip() : createZstdDecompress();
  // A source that fails ends the pipe with its own error.
  const source = Readable.from(whole);
  source.on("error", (error) => unpack.destroy(error));
  try {
    yield* source.pipe(unpack).pipe(new PassThrough({ highWaterMark: 1 << 20 })) as ByteStream;
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (!code.startsWith("Z_") && !code.startsWith("ZSTD")) throw error;
    throw invalid("unpack", `Error processing tar file: ${kind}: unexpected EOF`);
  } finally {
    source.destroy();
  }
}

async function* resumed(head: Buffer, rest: AsyncIterator<Uint8Array>): ByteStream {
  try {
    if (head.length > 0) yield head;
    for (;;) {
      const { done, value } = await rest.next();
      if (done) return;
      yield value;
    }
  } finally {
    await rest.return?.();
  }
}
