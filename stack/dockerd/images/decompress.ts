import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough, pipeline, Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { childEnv } from "#lib/install/child_env.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { invalid, unsupported } from "../refusals.ts";

const MAGIC: [string, number[]][] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
];
const LONGEST_MAGIC = 6;
/** An archive that unpacks to more is a bomb. */
const MAX_UNPACKED_BYTES = 64 * 1024 ** 3;

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
  yield* limited(kind === "gzip" || kind === "zstd" ? inflated(kind, whole) : piped(kind, whole));
}

async function* limited(data: ByteStream): ByteStream {
  let bytes = 0;
  for await (const part of data) {
    bytes += part.length;
    if (bytes > MAX_UNPACKED_BYTES) {
      throw invalid("unpack", `the archive holds more than ${MAX_UNPACKED_BYTES} bytes`);
    }
    yield part;
  }
}

const cutShort = (kind: string) =>
  invalid("unpack", `Error processing tar file: ${kind}: unexpected EOF`);

async function* inflated(kind: "gzip" | "zstd", data: ByteStream): ByteStream {
  const unpack = kind === "gzip" ? createGunzip() : createZstdDecompress();
  const source = Readable.from(data);
  const out = new PassThrough({ highWaterMark: 1 << 20 });
  // Whichever fails, its error comes out at the end.
  pipeline(source, unpack, out, () => undefined);
  try {
    yield* out as ByteStream;
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (!code.startsWith("Z_") && !code.startsWith("ZSTD")) throw error;
    throw cutShort(kind);
  } finally {
    source.destroy();
  }
}

/** What the run-time library does not unpack, the host's own program does, as for docker. */
async function* piped(kind: string, data: ByteStream): ByteStream {
  const program = Bun.which(kind);
  if (!program) {
    throw unsupported(
      "unpack",
      `${kind} archives need the program ${kind}, which is not on PATH: use gzip, zstd or ` +
        "a plain tar",
    );
  }
  const child = spawn(program, ["-dc"], { stdio: ["pipe", "pipe", "ignore"], env: childEnv() });
  const source = Readable.from(data);
  let failed: unknown;
  source.on("error", (error) => {
    failed = error;
    child.kill("SIGKILL");
  });
  // It may end before it has read all.
  child.stdin.on("error", () => undefined);
  const ended = once(child, "close");
  source.pipe(child.stdin);
  try {
    yield* child.stdout as ByteStream;
    const [code] = await ended;
    if (failed) throw failed;
    if (code !== 0) throw cutShort(kind);
  } finally {
    source.destroy();
    child.kill("SIGKILL");
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
