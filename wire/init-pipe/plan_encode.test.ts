import { describe, expect, test } from "bun:test";
import {
  OPERATION_BY_PARENT,
  OPERATION_OPTIONAL,
  PLAN_HEADER_BYTES,
  PLAN_MAGIC,
  PLAN_MAX_OPERATIONS,
  PLAN_MAX_STRINGS,
  PLAN_VERSION,
} from "./layout.ts";
import type { Operation } from "./operation.ts";
import { LAYOUT } from "./operation_layout.ts";
import { encodePlan, PlanEncodeError } from "./plan_encode.ts";

const plan = (...operations: Operation[]) => encodePlan({ operations, clockWithoutSyscall: true });

/** An operation's arguments as hexadecimal words. */
function argumentsOf(operation: Operation): string {
  const bytes = plan(operation).subarray(PLAN_HEADER_BYTES + 8);
  return bytes
    .toString("hex")
    .replace(/(.{8})/g, "$1 ")
    .trim();
}

describe("an encoded plan", () => {
  test("begins with its magic, version, flags, count and length", () => {
    const bytes = plan({ op: "clone-child" }, { op: "become-root" });
    expect([0, 4, 8, 12, 16].map((at) => bytes.readUInt32LE(at))).toEqual([
      PLAN_MAGIC,
      PLAN_VERSION,
      1,
      2,
      bytes.length,
    ]);
    expect(bytes.length).toBe(PLAN_HEADER_BYTES + 16);
  });

  test("pads every argument to four bytes and ends texts with a NUL", () => {
    expect(argumentsOf({ op: "hostname", name: "abc" })).toBe("04000000 61626300");
    expect(argumentsOf({ op: "hostname", name: "abcd" })).toBe("05000000 61626364 00000000");
    expect(argumentsOf({ op: "hostname", name: "é" })).toBe("03000000 c3a90000");
  });

  test("tells a flag from an empty value", () => {
    const attributes = {
      set: 1n << 40n,
      clear: 0n,
      recursiveSet: 0n,
      recursiveClear: 0n,
      propagation: [-1],
    };
    const words = argumentsOf({
      op: "mount",
      type: "t",
      source: "",
      target: "/",
      options: [["ro"], ["k", ""]],
      attributes,
      plain: false,
      keepMode: true,
      copyUp: false,
      bindInstead: "",
    });
    expect(words).toContain("02000000 03000000 726f0000 00000000 02000000 6b000000 01000000");
    expect(words).toContain("00000000 00010000");
    expect(words).toContain("01000000 ffffffff");
  });

  test("marks what may fail and what the parent does", () => {
    const bytes = plan({ op: "oom-score", value: -5, optional: true, byParent: true });
    const code = LAYOUT["oom-score"].code + OPERATION_OPTIONAL + OPERATION_BY_PARENT;
    expect(bytes.readUInt32LE(PLAN_HEADER_BYTES)).toBe(code >>> 0);
    expect(bytes.readInt32LE(PLAN_HEADER_BYTES + 8)).toBe(-5);
  });

  test("grows beyond its first buffer", () => {
    const env = Array.from({ length: 3000 }, (_, i) => `NAME${i}=${"x".repeat(20)}`);
    const bytes = plan({ op: "execve", args: ["a"], env });
    expect(bytes.readUInt32LE(16)).toBe(bytes.length);
    expect(bytes.includes("NAME2999=")).toBe(true);
  });

  test("refuses a NUL in a text, too many strings and too many operations", () => {
    expect(() => plan({ op: "hostname", name: "a\0b" })).toThrow(PlanEncodeError);
    const args = Array.from({ length: PLAN_MAX_STRINGS + 1 }, () => "");
    expect(() => plan({ op: "execve", args, env: [] })).toThrow("argument list too long");
    const many = Array.from(
      { length: PLAN_MAX_OPERATIONS + 1 },
      () => ({ op: "lock", slot: 0 }) as const,
    );
    expect(() => plan(...many)).toThrow("too many operations");
  });
});
