import { expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { decompressed } from "./decompress.ts";

const DATA = Buffer.from("some data, ".repeat(50_000));

async function* pieces(bytes: Uint8Array, size = 7000): ByteStream {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function unpacked(data: ByteStream): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of decompressed(data)) parts.push(part);
  return Buffer.concat(parts);
}

const byProgram = (name: string) =>
  Bun.spawnSync([name, "-c"], { stdin: DATA }).stdout as unknown as Buffer;

const PACKED: Record<string, () => Uint8Array> = {
  plain: () => DATA,
  gzip: () => gzipSync(DATA),
  zstd: () => zstdCompressSync(DATA),
  xz: () => byProgram("xz"),
  bzip2: () => byProgram("bzip2"),
};

for (const [kind, pack] of Object.entries(PACKED)) {
  const missing = ["xz", "bzip2"].includes(kind) && !Bun.which(kind);
  test.skipIf(missing)(`${kind}${missing ? `: ${kind} is not there` : ""}`, async () => {
    const packed = pack();
    expect((await unpacked(pieces(packed))).equals(DATA)).toBe(true);
    expect((await unpacked(pieces(packed, 1_000_000))).equals(DATA)).toBe(true);
    // An end that is missing shows in the tar inside: zstd's own stream does not tell it.
    if (kind === "plain" || kind === "zstd") return;
    const cut = unpacked(pieces(packed.subarray(0, packed.length / 2)));
    await expect(cut).rejects.toThrow("unexpected EOF");
  });
}

test("a source that fails, fails what it feeds", async () => {
  async function* failing(): ByteStream {
    yield gzipSync(DATA).subarray(0, 100);
    throw new Error("the source broke");
  }
  await expect(unpacked(failing())).rejects.toThrow("the source broke");
});

test("nothing is nothing", async () => {
  expect(await unpacked(pieces(Buffer.alloc(0)))).toHaveLength(0);
});
