import { expect, test } from "bun:test";
import { fromSeconds, nanoseconds } from "./timestamp.ts";

test("fractions and offsets are kept to the nanosecond", () => {
  expect(nanoseconds("2024-01-02T03:04:05.123456789Z")).toBe(1704164645123456789n);
  expect(nanoseconds("2024-01-02T05:04:05.1+02:00")).toBe(1704164645100000000n);
  expect(nanoseconds("2024-01-02T03:04:05Z")).toBe(fromSeconds(1704164645));
});

test("never and nonsense are 0", () => {
  for (const text of ["", "0001-01-01T00:00:00Z", "yesterday"]) expect(nanoseconds(text)).toBe(0n);
});
