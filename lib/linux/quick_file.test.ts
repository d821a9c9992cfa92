import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HeldNumbers, lookQuick, readQuick } from "./quick_file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-quick-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const openHere = () => readdirSync("/proc/self/fd").length;

test("a file is read to its end, also one of the kernel that is told a page at a time", () => {
  const bytes = Buffer.alloc(1024 * 1024);
  const length = readQuick("/proc/self/smaps", bytes)!;
  expect(length).toBeGreaterThan(8192);
  expect(bytes.toString("latin1", 0, length)).toEndWith("\n");
  writeFileSync(join(folder, "long"), "x".repeat(100));
  expect(readQuick(join(folder, "long"), Buffer.alloc(10))).toBe(10);
});

test("what is not there makes no exception and leaves no descriptor", () => {
  const before = openHere();
  expect(readQuick(join(folder, "none"), Buffer.alloc(10))).toBeUndefined();
  expect(readQuick(folder, Buffer.alloc(10))).toBeUndefined();
  expect(readQuick(`/${"x".repeat(5000)}`, Buffer.alloc(10))).toBeUndefined();
  expect(lookQuick(join(folder, "none"))).toBeUndefined();
  expect(openHere()).toBe(before);
});

test("size, links and time of change are told", () => {
  mkdirSync(join(folder, "inner"));
  writeFileSync(join(folder, "file"), "12345");
  expect(lookQuick(join(folder, "file"))).toMatchObject({ size: 5, links: 1 });
  const ageMs = Date.now() - lookQuick(join(folder, "file"))!.modifiedMs;
  expect(Math.abs(ageMs)).toBeLessThan(60_000);
});

test("held counters are read anew each time; one that is gone is -1 until it is back", () => {
  const [plain, named, none] = ["plain", "named", "none"].map((name) => join(folder, name));
  writeFileSync(plain!, "7\n");
  writeFileSync(named!, "usage_usec 123456789012\nuser_usec 1\n");
  const before = openHere();
  const held = new HeldNumbers([
    { path: plain! },
    { path: named!, skip: "usage_usec ".length },
    { path: none! },
  ]);
  expect([...held.read()]).toEqual([7, 123456789012, -1]);
  writeFileSync(plain!, "max\n");
  writeFileSync(none!, "3");
  expect([...held.read()]).toEqual([-1, 123456789012, 3]);
  writeFileSync(plain!, "8");
  expect([...held.read()]).toEqual([8, 123456789012, 3]);
  held.close();
  expect(openHere()).toBe(before);
});
