import { expect, test } from "bun:test";
import { Random } from "../../tests/lib/random.ts";
import { forecastLimit } from "./forecast.ts";

const seconds = (count: number) => Array.from({ length: count }, (_, index) => index * 1000);

test("a steady rise is extended to its limit", () => {
  const times = seconds(60);
  const forecast = forecastLimit(
    times,
    times.map((ms) => 100 + (ms / 1000) * 2),
    1000,
  )!;
  expect(forecast.slope).toBeCloseTo(2, 6);
  expect(forecast.seconds).toBeCloseTo((1000 - 218) / 2, 3);
  expect(forecast.earliest).toBeLessThanOrEqual(forecast.seconds);
  expect(forecast.latest).toBeGreaterThanOrEqual(forecast.seconds);
});

test("a third of wild points does not bend it", () => {
  const times = seconds(90);
  const values = times.map((ms, index) => (index % 3 === 1 ? 500 : 100) + ms / 1000);
  const forecast = forecastLimit(times, values, 10_000)!;
  expect(forecast.slope).toBeGreaterThan(0.5);
  expect(forecast.slope).toBeLessThan(1.5);
});

test("what does not rise has no forecast", () => {
  const times = seconds(120);
  expect(
    forecastLimit(
      times,
      times.map(() => 50),
      100,
    ),
  ).toBeUndefined();
  expect(
    forecastLimit(
      times,
      times.map((ms) => 5000 - ms / 100),
      9000,
    ),
  ).toBeUndefined();
  expect(forecastLimit(times.slice(0, 4), [1, 2, 3, 4], 10)).toBeUndefined();
  expect(
    forecastLimit(
      times,
      times.map((ms) => ms),
      Number.POSITIVE_INFINITY,
    ),
  ).toBeUndefined();
});

test("noise around a level is no rise, whatever the seed", () => {
  let told = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const times = seconds(60);
    if (
      forecastLimit(
        times,
        times.map(() => 50 + random.below(11)),
        100,
      )
    )
      told++;
  }
  // One-sided, 2.5 standard deviations: six in a thousand by chance.
  expect(told).toBeLessThanOrEqual(6);
});

test("a count at its limit is there now, and a restart begins the count anew", () => {
  expect(forecastLimit([1, 2], [9, 10], 10)).toEqual({
    slope: 0,
    seconds: 0,
    earliest: 0,
    latest: 0,
  });
  const times = seconds(100);
  const values = times.map((_, at) => (at < 50 ? 4000 + at * 50 : 10 + (at - 50)));
  expect(forecastLimit(times, values, 1059)!.slope).toBeCloseTo(1, 6);
});

test("a limit that is more than a day away is not told", () => {
  const times = seconds(60);
  expect(
    forecastLimit(
      times,
      times.map((ms) => ms / 1e6),
      1e6,
    ),
  ).toBeUndefined();
});
