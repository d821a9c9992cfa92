import { readSync } from "node:fs";
import type { ByteStream } from "#wire/docker-api/engine.ts";

const READ_BYTES = 256 * 1024;

/** A file's bytes from its beginning, whatever was read of it before. It stays open. */
export async function* fileStream(fd: number): ByteStream {
  for (let at = 0; ; ) {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const bytes = readSync(fd, buffer, 0, buffer.length, at);
    if (bytes === 0) return;
    at += bytes;
    yield buffer.subarray(0, bytes);
  }
}
