import { expect, test } from "bun:test";
import { formatNs, parseTimeNs, wallNs } from "./wall_clock.ts";

test("times keep nine digits both ways", () => {
  for (const text of [
    "2024-02-29T23:59:59.123456789Z",
    "1970-01-01T00:00:00Z",
    "2026-11-24T08:00:00.1Z",
  ]) {
    expect(formatNs(parseTimeNs(text)!)).toBe(text);
  }
  expect(parseTimeNs("2024-01-01T01:00:00+01:00")).toBe(parseTimeNs("2024-01-01T00:00:00Z")!);
  expect(parseTimeNs("yesterday")).toBeUndefined();
});

test("the clock agrees with Date and never stands still", () => {
  const first = wallNs();
  expect(Math.abs(Number(first / 1_000_000n) - Date.now())).toBeLessThan(50);
  expect(wallNs()).toBeGreaterThan(first);
});
