import { expect, test } from "bun:test";
import { findOperation } from "./find_operation.ts";

const PLAN = [
  { op: "protect", text: "protect keep 0" },
  { op: "mount", text: "mount proc on /proc" },
  { op: "mount", text: "mount tmpfs on /dev" },
  { op: "pivot-root", text: "pivot root" },
  { op: "execve", text: "execve /bin/true (2 variables)" },
];

test("an operation is found by its number, its name or a part of its text", () => {
  expect(findOperation(PLAN, "4")).toBe(3);
  expect(findOperation(PLAN, "pivot-root")).toBe(3);
  expect(findOperation(PLAN, "pivot root")).toBe(3);
  expect(findOperation(PLAN, "tmpfs on /dev")).toBe(2);
  expect(findOperation(PLAN, "mount", 2)).toBe(2);
});

test("what is not there, or lies behind, is not found", () => {
  expect(findOperation(PLAN, "mount", 3)).toBeUndefined();
  expect(findOperation(PLAN, "9")).toBeUndefined();
  expect(findOperation(PLAN, "1", 1)).toBeUndefined();
  expect(findOperation(PLAN, "seccomp")).toBeUndefined();
});
