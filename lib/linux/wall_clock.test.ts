import { expect, test } from "bun:test";
import { wallClockUs } from "./wall_clock.ts";

test("the clock is the wall's, and finer than a millisecond", () => {
  const before = Date.now();
  const times = Array.from({ length: 1000 }, wallClockUs);
  const after = Date.now();
  expect(times.every((us) => Number.isSafeInteger(us))).toBe(true);
  expect(Math.floor(times[0]! / 1000)).toBeGreaterThanOrEqual(before);
  expect(Math.floor(times.at(-1)! / 1000)).toBeLessThanOrEqual(after);
  expect(times.some((us) => us % 1000 !== 0)).toBe(true);
});
