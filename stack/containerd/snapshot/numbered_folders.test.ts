import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskUsage } from "./disk_usage.ts";
import { NumberedFolders } from "./numbered_folders.ts";
import { OverlayfsLayout } from "./overlayfs_layout.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "folders-"));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a folder appears whole or not at all", () => {
  const folders = new NumberedFolders(root);
  folders.make(1, (folder) => mkdirSync(join(folder, "fs")));
  expect(readdirSync(folders.path(1))).toEqual(["fs"]);
  expect(() =>
    folders.make(2, () => {
      throw new Error("no room");
    }),
  ).toThrow("no room");
  expect(readdirSync(folders.root)).toEqual(["1"]);
  // A number whose transaction failed comes again.
  folders.make(1, (folder) => writeFileSync(join(folder, "new"), ""));
  expect(readdirSync(folders.path(1))).toEqual(["new"]);
});

test("a sweep spares numbers that are given out while it runs", async () => {
  const folders = new NumberedFolders(root);
  const known = new Set<number>([1]);
  for (const number of [1, 2, 3, 4]) {
    folders.make(number, (folder) => writeFileSync(join(folder, "f"), ""));
  }
  folders.discard(4);
  folders.discard(9);
  const first = folders.sweep(() => known);
  const second = folders.sweep(() => known);
  known.add(5);
  folders.make(5, () => {});
  await Promise.all([first, second]);
  expect(readdirSync(folders.root).sort()).toEqual(["1", "5"]);
});

test("mounts of a chain are those of overlayfs", () => {
  const layout = new OverlayfsLayout(root);
  layout.place(1, 2, undefined);
  layout.place(2, 2, 1);
  const fs = (number: number) => join(root, "snapshots", String(number), "fs");
  expect(layout.mounts(1, 2, [])).toEqual([
    { type: "bind", source: fs(1), options: ["rw", "rbind"] },
  ]);
  expect(layout.mounts(2, 1, [1])).toEqual([
    { type: "bind", source: fs(1), options: ["ro", "rbind"] },
  ]);
  const [mount] = layout.mounts(3, 2, [2, 1]);
  expect(mount!.options).toContain(`upperdir=${fs(3)}`);
  expect(mount!.options).toContain(`lowerdir=${fs(2)}:${fs(1)}`);
  const [view] = layout.mounts(3, 1, [2, 1]);
  expect(view!.options.some((option) => option.startsWith("upperdir"))).toBe(false);
  expect(existsSync(join(root, "snapshots", "2", "work"))).toBe(true);
});

test("usage counts a hard link once", async () => {
  const { linkSync } = await import("node:fs");
  writeFileSync(join(root, "a"), Buffer.alloc(8192, 1));
  linkSync(join(root, "a"), join(root, "b"));
  const usage = await diskUsage(root);
  expect(usage.inodes).toBe(2);
  expect(usage.size).toBeGreaterThanOrEqual(8192);
  expect(usage.size).toBeLessThan(8192 * 2 + 8192);
});
