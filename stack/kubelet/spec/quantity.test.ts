import { expect, test } from "bun:test";
import { divideQuantity, parseQuantity } from "./quantity.ts";

test.each([
  ["100m", 0.1],
  ["1", 1],
  ["1.5", 1.5],
  ["64Mi", 67_108_864],
  ["1k", 1000],
  ["1e3", 1000],
  ["2E", 2e18],
  [".5", 0.5],
])("%s", (text, value) => expect(parseQuantity(text)).toBe(value));

test.each(["", "Mi", "1 Mi", "1mb", "0x10", "1e", "NaN", "Infinity"])("%p is none", (text) =>
  expect(parseQuantity(text)).toBeUndefined(),
);

test("divisors round up, without floating point's hair", () => {
  expect(divideQuantity(0.1, 0.001)).toBe("100");
  expect(divideQuantity(0.5, 1)).toBe("1");
  expect(divideQuantity(67_108_864, 1_048_576)).toBe("64");
});
