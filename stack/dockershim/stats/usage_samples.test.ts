import { expect, test } from "bun:test";
import { UsageSamples } from "./usage_samples.ts";

const SECOND = 1_000_000_000n;

test("a rate is what was used since the sample before", () => {
  const samples = new UsageSamples();
  expect(samples.rate("a", 10n * SECOND, SECOND)).toBeUndefined();
  expect(samples.rate("a", 12n * SECOND, 2n * SECOND)).toBe(SECOND / 2n);
  expect(samples.rate("a", 12n * SECOND + 5n, 3n * SECOND)).toBe(SECOND / 2n);
  expect(samples.rate("a", 13n * SECOND, 0n)).toBeUndefined();
  samples.forget("a");
  expect(samples.rate("a", 14n * SECOND, SECOND)).toBeUndefined();
});
