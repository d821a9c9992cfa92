import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rotateLog } from "./rotate_log.ts";

const folder = mkdtempSync(join(tmpdir(), "rotate-"));
const path = join(folder, "0.log");
const limits = { maxBytes: 10, maxFiles: 3 };
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const reopen = async () => writeFileSync(path, "");

afterAll(() => rmSync(folder, { recursive: true }));

test("a small log stays", async () => {
  writeFileSync(path, "short");
  expect(await rotateLog(path, limits, reopen, at(0))).toBe(false);
  expect(readdirSync(folder)).toEqual(["0.log"]);
});

test("a large one is put aside, and only so many are kept", async () => {
  for (let second = 1; second <= 4; second++) {
    writeFileSync(path, `longer than ten ${second}`);
    expect(await rotateLog(path, limits, reopen, at(second))).toBe(true);
  }
  expect(readdirSync(folder).sort()).toEqual([
    "0.log",
    "0.log.20260101-000003",
    "0.log.20260101-000004",
  ]);
});

test("when the runtime does not open a new one, the old one is back", async () => {
  writeFileSync(path, "longer than ten again");
  const refuse = () => Promise.reject(new Error("no"));
  await expect(rotateLog(path, limits, refuse, at(9))).rejects.toThrow("no");
  expect(readFileSync(path, "utf8")).toBe("longer than ten again");
});
