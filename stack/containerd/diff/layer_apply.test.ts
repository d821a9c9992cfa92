import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { getXattr } from "#lib/linux/layer_file.ts";
import { applyLayer } from "./layer_apply.ts";
import { changesOfUpper } from "./layer_changes.ts";
import { packLayer } from "./layer_pack.ts";
import type { LayerTarget } from "./layer_target.ts";

const PLAIN = "application/vnd.oci.image.layer.v1.tar";
const root = process.getuid?.() === 0;

let folder: string;
let target: LayerTarget;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "layer-"));
  for (const name of ["fs", "lower"]) mkdirSync(join(folder, name));
  target = { folder: join(folder, "fs"), lower: [join(folder, "lower")], overlay: true };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Entry = Partial<Header> & { name: string; content?: string };

async function archive(entries: Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { content = "", ...header } of entries) {
    tar.entry({ mode: 0o644, mtime: new Date(1e12), ...header } as Header, content);
  }
  tar.finalize();
  return await bytesOf(tar);
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

async function apply(bytes: Buffer, mediaType = PLAIN) {
  const path = join(folder, "blob");
  writeFileSync(path, bytes);
  const blob = await open(path, "r");
  try {
    return await applyLayer(blob, mediaType, target, { sync: false });
  } finally {
    await blob.close();
  }
}

const at = (...names: string[]) => join(folder, "fs", ...names);

test.skipIf(!root)("files, folders, links, modes, owners and times arrive", async () => {
  const tar = await archive([
    { name: "a/", type: "directory", mode: 0o750, uid: 7, gid: 8 },
    { name: "a/file", content: "hello", mode: 0o4755, uid: 1, gid: 2 },
    { name: "a/hard", type: "link", linkname: "a/file" },
    { name: "a/soft", type: "symlink", linkname: "/etc/passwd" },
    { name: "null", type: "character-device", devmajor: 1, devminor: 3 } as Entry,
    { name: "pipe", type: "fifo" },
  ]);
  const applied = await apply(tar);
  expect(applied.size).toBe(tar.length);
  expect(readFileSync(at("a/file"), "utf8")).toBe("hello");
  expect(lstatSync(at("a/file"))).toMatchObject({ uid: 1, gid: 2, mtimeMs: 1e12 });
  expect(lstatSync(at("a/file")).mode & 0o7777).toBe(0o4755);
  expect(lstatSync(at("a/hard")).ino).toBe(lstatSync(at("a/file")).ino);
  expect(readlinkSync(at("a/soft"))).toBe("/etc/passwd");
  expect(lstatSync(at("a"))).toMatchObject({ uid: 7, gid: 8, mtimeMs: 1e12 });
  expect(lstatSync(at("null")).rdev).toBe(0x103);
  expect(lstatSync(at("pipe")).isFIFO()).toBe(true);
});

test.skipIf(!root)("gzip and zstd are told by their bytes", async () => {
  const tar = await archive([{ name: "x", content: "1" }]);
  const plain = await apply(tar);
  const { digest } = plain;
  expect(await apply(gzipSync(tar), `${PLAIN}+gzip`)).toEqual(plain);
  expect((await apply(zstdCompressSync(tar), `${PLAIN}+zstd`)).digest).toBe(digest);
  // Labelled as plain, yet compressed.
  expect((await apply(gzipSync(tar), PLAIN)).digest).toBe(digest);
});

test.skipIf(!root)(
  "whiteouts become overlay's marks, but not over the layer's own files",
  async () => {
    writeFileSync(join(folder, "lower", "old"), "");
    const tar = await archive([
      { name: "d/.wh..wh..opq" },
      { name: "d/new", content: "n" },
      { name: "d/.wh.new" },
      { name: ".wh.old" },
      { name: ".wh..wh.aufs" },
    ]);
    await apply(tar);
    expect(getXattr(at("d"), "trusted.overlay.opaque")?.toString()).toBe("y");
    expect(readFileSync(at("d/new"), "utf8")).toBe("n");
    expect(lstatSync(at("old")).isCharacterDevice()).toBe(true);
    expect(lstatSync(at("old")).rdev).toBe(0);
    expect(existsSync(at(".wh..wh.aufs"))).toBe(false);
  },
);

test.skipIf(!root)("on a plain folder whiteouts delete", async () => {
  target = { ...target, lower: [], overlay: false };
  mkdirSync(at("d"));
  writeFileSync(at("d/below"), "");
  writeFileSync(at("old"), "");
  await apply(await archive([{ name: "d/new" }, { name: "d/.wh..wh..opq" }, { name: ".wh.old" }]));
  expect(existsSync(at("d/below"))).toBe(false);
  expect(existsSync(at("d/new"))).toBe(true);
  expect(existsSync(at("old"))).toBe(false);
});

test.skipIf(!root)(
  "missing parents look as in the layers below; links reach down there",
  async () => {
    mkdirSync(join(folder, "lower", "p"), { mode: 0o711 });
    writeFileSync(join(folder, "lower", "p", "f"), "below", { mode: 0o640 });
    await apply(
      await archive([
        { name: "p/new", content: "x" },
        { name: "p/link", type: "link", linkname: "p/f" },
      ]),
    );
    expect(lstatSync(at("p")).mode & 0o7777).toBe(0o711);
    expect(readFileSync(at("p/link"), "utf8")).toBe("below");
    expect(lstatSync(at("p/f")).ino).toBe(lstatSync(at("p/link")).ino);
  },
);

test.skipIf(!root)("nothing is written outside of the root", async () => {
  const outside = join(folder, "outside");
  mkdirSync(outside);
  symlinkSync(outside, at("abs"));
  symlinkSync("../outside", at("rel"));
  await apply(
    await archive([
      { name: "evil", type: "symlink", linkname: outside },
      { name: "evil/a", content: "x" },
      { name: "abs/b", content: "x" },
      { name: "rel/c", content: "x" },
      { name: "/abs2", content: "in" },
      { name: "hard", type: "symlink", linkname: "/etc/hostname" },
      { name: "hard", content: "replaced" },
    ]).catch((error) => error),
  ).catch(() => {});
  expect(existsSync(join(outside, "a"))).toBe(false);
  expect(existsSync(join(outside, "b"))).toBe(false);
  expect(existsSync(join(outside, "c"))).toBe(false);
});

test.skipIf(!root).each([
  [{ name: "../x", content: "x" }, "outside of the layer's root"],
  [{ name: "a/../../x", content: "x" }, "outside of the layer's root"],
  [{ name: "l", type: "link", linkname: "../../../etc/passwd" }, "outside of the layer's root"],
  [{ name: "l", type: "link", linkname: "nothing" }, "ENOENT"],
  [{ name: "d/.wh..", content: "" }, "whiteout"],
] as [Entry, string][])("%p is refused", async (entry, words) => {
  await expect(apply(await archive([entry]))).rejects.toThrow(words);
});

test.skipIf(!root)("damaged archives are refused", async () => {
  const tar = await archive([{ name: "x", content: "y".repeat(5000) }]);
  const zipped = gzipSync(tar);
  await expect(apply(tar.subarray(0, 2000))).rejects.toThrow("failed to extract layer");
  await expect(apply(zipped.subarray(0, zipped.length - 20))).rejects.toThrow("failed to extract");
  zipped[30]! ^= 0xff;
  await expect(apply(zipped)).rejects.toThrow("failed to extract layer");
  await expect(apply(Buffer.alloc(4096, 7))).rejects.toThrow("failed to extract layer");
  await expect(apply(tar, "text/plain")).rejects.toThrow("text/plain");
});

test.skipIf(!root)("what is packed unpacks the same, binary attributes included", async () => {
  const long = `${"long/".repeat(40)}name-ü`;
  const first = await archive([
    { name: "d/", type: "directory", mode: 0o755 },
    { name: "d/f", content: "z".repeat(70_000) },
    { name: "d/h", type: "link", linkname: "d/f" },
    { name: "s", type: "symlink", linkname: "d/f" },
    { name: long, content: "deep" },
    { name: "d/.wh.gone" },
    { name: "o/.wh..wh..opq" },
  ]);
  await apply(first);
  const { setXattr } = await import("#lib/linux/layer_file.ts");
  const capability = Buffer.from("0100000200ff80000000000000000000000000ff", "hex").subarray(0, 20);
  setXattr(at("d/f"), "security.capability", capability);
  // Whiteouts have no time of their own: both layers get the same, later than any file's.
  const epoch = Math.ceil(Date.now() / 1000) + 1;
  const packed = await bytesOf(packLayer(changesOfUpper(at()), epoch));
  const again = join(folder, "again");
  mkdirSync(again);
  target = { folder: again, lower: [], overlay: true };
  await apply(packed);
  expect(getXattr(join(again, "d/f"), "security.capability")).toEqual(capability);
  expect(readFileSync(join(again, long), "utf8")).toBe("deep");
  expect(lstatSync(join(again, "d/h")).ino).toBe(lstatSync(join(again, "d/f")).ino);
  expect(lstatSync(join(again, "d/gone")).rdev).toBe(0);
  expect(getXattr(join(again, "o"), "trusted.overlay.opaque")?.toString()).toBe("y");
  expect(await bytesOf(packLayer(changesOfUpper(again), epoch))).toEqual(packed);
});
