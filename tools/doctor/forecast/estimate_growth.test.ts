import { expect, test } from "bun:test";
import { estimateGrowth } from "./estimate_growth.ts";
import { duration } from "./foresee_growth.ts";

const at = (...values: number[]) => values.map((value, index) => ({ timeMs: index * 1000, value }));

test("a thread a second reaches its limit when the arithmetic says", () => {
  const growth = estimateGrowth(at(20, 21, 22, 23), 30);
  expect(growth?.perSecond).toBe(1);
  expect(growth?.fullInSeconds).toBe(7);
});

test("one odd sample does not bend the rate", () => {
  expect(estimateGrowth(at(100, 110, 111, 130, 140), 1000)?.perSecond).toBeCloseTo(10, 0);
});

test("what comes and goes, stands still, shrinks or is full already does not grow", () => {
  expect(estimateGrowth(at(20, 26, 21, 22), 30)).toBeUndefined();
  expect(estimateGrowth(at(20, 20, 20), 30)).toBeUndefined();
  expect(estimateGrowth(at(25, 22, 20), 30)).toBeUndefined();
  expect(estimateGrowth(at(20, 21, 22), 10_000)).toBeUndefined();
  expect(estimateGrowth(at(10, 20, 30), 30)).toBeUndefined();
  expect(estimateGrowth(at(10), 30)).toBeUndefined();
  expect(estimateGrowth([], 30)).toBeUndefined();
});

test("a rate that takes longer than a week is no forecast", () => {
  const slow = [0, 1, 2, 3].map((day) => ({ timeMs: day * 86_400_000, value: 100 + day * 10 }));
  expect(estimateGrowth(slow, 1000)).toBeUndefined();
  expect(estimateGrowth(slow, 180)?.fullInSeconds).toBeCloseTo(5 * 86_400, -1);
});

test("spans of time are told in two units at most", () => {
  expect(duration(0.25)).toBe("250 ms");
  expect(duration(7)).toBe("7 s");
  expect(duration(600)).toBe("10 min");
  expect(duration(3 * 3600 + 300)).toBe("3 h 5 min");
  expect(duration(5 * 86_400 + 7200)).toBe("5 d 2 h");
});
