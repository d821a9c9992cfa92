import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "tar-stream";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { tarEntry } from "./tar_tree.ts";
import { untar } from "./untar_tree.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-tar-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { O_RDONLY, O_DIRECTORY } = constants;
let count = 0;

function newRoot(): string {
  const path = join(folder, `root${count++}`);
  mkdirSync(join(path, "in"), { recursive: true });
  return path;
}

async function extractInto(root: string, tar: ByteStream, noOverwriteDirNonDir = false) {
  const rootFd = openSync(root, O_RDONLY | O_DIRECTORY);
  try {
    await untar(tar, { rootFd, folder: "/in", noOverwriteDirNonDir });
  } finally {
    closeSync(rootFd);
  }
}

test("a tree comes back as it was: modes, links, times, empty folders", async () => {
  const source = newRoot();
  mkdirSync(join(source, "in", "empty"));
  writeFileSync(join(source, "in", "file"), "x".repeat(3_000_000));
  chmodSync(join(source, "in", "file"), 0o4750);
  linkSync(join(source, "in", "file"), join(source, "in", "twin"));
  symlinkSync("/no/where", join(source, "in", "link"));
  const target = newRoot();
  const parent = openSync(source, O_RDONLY | O_DIRECTORY);
  await extractInto(target, tarEntry(parent, "in", "copy"));
  const copy = join(target, "in", "copy");
  expect(readFileSync(join(copy, "file"), "utf8")).toHaveLength(3_000_000);
  expect(statSync(join(copy, "file")).mode & 0o7777).toBe(0o4750);
  expect(statSync(join(copy, "file")).ino).toBe(statSync(join(copy, "twin")).ino);
  expect(readlinkSync(join(copy, "link"))).toBe("/no/where");
  expect(statSync(join(copy, "empty")).isDirectory()).toBe(true);
});

type Item = { name: string; type?: "file" | "symlink" | "link" | "directory"; linkname?: string };

function archive(...items: Item[]): ByteStream {
  const packing = pack();
  for (const item of items) {
    const size = item.type === undefined ? 3 : 0;
    packing.entry({ ...item, size }, size > 0 ? "abc" : "");
  }
  packing.finalize();
  return packing as unknown as ByteStream;
}

test("names that lead out are refused", async () => {
  for (const name of ["../up", "a/../../up", "/../up"]) {
    const root = newRoot();
    const done = extractInto(root, archive({ name }));
    if (name === "/../up") await done;
    else expect(done).rejects.toThrow("is outside of");
    expect(existsSync(join(root, "up"))).toBe(false);
  }
});

test("a link in the archive leads nowhere but inside the root", async () => {
  const outside = join(folder, "outside");
  mkdirSync(outside);
  const root = newRoot();
  const tar = () =>
    archive({ name: "out", type: "symlink", linkname: outside }, { name: "out/file" });
  expect(extractInto(root, tar())).rejects.toThrow("leads nowhere");
  const other = newRoot();
  mkdirSync(join(other, outside), { recursive: true });
  await extractInto(other, tar());
  expect(existsSync(join(outside, "file"))).toBe(false);
  expect(existsSync(join(other, outside, "file"))).toBe(true);
});

test("a folder is not replaced by a file where that was ruled out", async () => {
  const root = newRoot();
  mkdirSync(join(root, "in", "a"));
  expect(extractInto(root, archive({ name: "a" }), true)).rejects.toThrow("cannot overwrite");
  await extractInto(root, archive({ name: "a" }));
  expect(readFileSync(join(root, "in", "a"), "utf8")).toBe("abc");
});
