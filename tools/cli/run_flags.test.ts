import { expect, test } from "bun:test";
import { diffLines } from "./diff_lines.ts";
import { ageText, sizeText, textTable } from "./io/table.ts";
import { readBytes, readUlimit } from "./run_flags.ts";

test.each([
  ["64m", 64 * 1024 ** 2],
  ["2g", 2 * 1024 ** 3],
  ["1.5k", 1536],
  ["512", 512],
  ["8MB", 8 * 1024 ** 2],
])("%s is %d bytes", (text, bytes) => {
  expect(readBytes("--memory", text)).toBe(bytes);
});

test("a size or a limit that is none is refused with its flag", () => {
  expect(() => readBytes("--memory", "lots")).toThrow("--memory lots");
  expect(() => readUlimit("nofile")).toThrow("--ulimit nofile");
});

test("a limit's hard value is its soft one unless given", () => {
  expect(readUlimit("nproc=2")).toEqual({ Name: "nproc", Soft: 2, Hard: 2 });
  expect(readUlimit("nofile=10:20")).toEqual({ Name: "nofile", Soft: 10, Hard: 20 });
});

test("a diff keeps what both have and marks the rest", () => {
  expect(diffLines(["a", "b", "c"], ["a", "x", "c", "d"])).toEqual([
    "  a",
    "- b",
    "+ x",
    "  c",
    "+ d",
  ]);
});

test("a table aligns its columns and takes the power from escape codes", () => {
  const text = textTable(["ID", "NAME"], [["1", "evil\x1b[2J"]]);
  expect(text).toBe("ID   NAME\n1    evil\\x1b[2J\n");
});

test("ages and sizes in one unit", () => {
  expect([ageText(0), ageText(61), ageText(7200)]).toEqual([
    "just now",
    "1 minute ago",
    "2 hours ago",
  ]);
  expect([sizeText(999), sizeText(2_020_000)]).toEqual(["999B", "2.02MB"]);
});
