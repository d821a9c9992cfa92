/** When a rising count will meet its limit. */
export interface Forecast {
  /** Growth per second. */
  slope: number;
  /** Seconds from the last point until the limit; 0 when it is there already. */
  seconds: number;
  /** The same with a fast and a slow reading of the growth; `latest` may be Infinity. */
  earliest: number;
  latest: number;
}

/** Pairs grow with the square of the points. */
const MAX_POINTS = 60;
const MIN_POINTS = 8;
const MIN_SPAN_MS = 5_000;
/** Beyond this a straight line means nothing. */
const HORIZON_SECONDS = 24 * 3600;
/** Points in a row that make a level. */
const LEVEL_POINTS = 3;
/** Standard deviations by which the rise must stand out from chance (Mann–Kendall). */
const SIGNIFICANCE = 2.5;

/**
 * Extends a count to its limit by the Theil–Sen line: the median of the slopes between all pairs of
 * points, which a third of wild points does not bend. Undefined, "no forecast", when there are too
 * few points, the count does not rise beyond chance, or the limit is more than a day away.
 * Times are milliseconds, oldest first; only points since the last sharp fall count (a restart).
 */
export function forecastLimit(
  timesMs: ArrayLike<number>,
  values: ArrayLike<number>,
  limit: number,
): Forecast | undefined {
  const last = values.length - 1;
  if (last < 0 || !Number.isFinite(limit)) return undefined;
  if (values[last]! >= limit) return { slope: 0, seconds: 0, earliest: 0, latest: 0 };
  const [times, counts] = thinOut(timesMs, values, sinceFall(values));
  if (times.length < MIN_POINTS || times.at(-1)! - times[0]! < MIN_SPAN_MS) return undefined;
  // Most counts stand still or go up and down; their slopes would be work for nothing.
  if (risesLessFalls(counts) < SIGNIFICANCE * deviation(counts.length)) return undefined;
  const slopes = pairSlopes(times, counts);
  const slope = quantile(slopes, 0.5);
  if (slope <= 0) return undefined;
  const room = limit - values[last]!;
  const seconds = room / slope;
  if (seconds > HORIZON_SECONDS) return undefined;
  const slow = quantile(slopes, 0.25);
  return {
    slope,
    seconds,
    earliest: room / Math.max(slope, quantile(slopes, 0.75)),
    latest: slow > 0 ? Math.max(seconds, room / slow) : Number.POSITIVE_INFINITY,
  };
}

/**
 * A count that lost half of itself and stayed there began anew: a restart. A single high point is
 * none, so the least of the few points before the fall is what counts.
 */
function sinceFall(values: ArrayLike<number>): number {
  let most = 0;
  for (let at = values.length - 1; at >= LEVEL_POINTS; at--) {
    most = Math.max(most, values[at]!);
    let level = Number.POSITIVE_INFINITY;
    for (let back = 1; back <= LEVEL_POINTS; back++) level = Math.min(level, values[at - back]!);
    if (most < level / 2) return at;
  }
  return 0;
}

/** At most MAX_POINTS of them, evenly, the newest among them. */
function thinOut(
  times: ArrayLike<number>,
  values: ArrayLike<number>,
  from: number,
): [number[], number[]] {
  const count = values.length - from;
  const step = Math.max(1, count / MAX_POINTS);
  const outTimes: number[] = [];
  const outValues: number[] = [];
  for (let at = values.length - 1; at >= from && outTimes.length < MAX_POINTS; at -= step) {
    outTimes.push(times[Math.round(at)]!);
    outValues.push(values[Math.round(at)]!);
  }
  return [outTimes.reverse(), outValues.reverse()];
}

/** Mann and Kendall's score: how many pairs of points rise less how many fall. */
function risesLessFalls(counts: number[]): number {
  let score = 0;
  for (let right = 1; right < counts.length; right++) {
    for (let left = 0; left < right; left++) score += Math.sign(counts[right]! - counts[left]!);
  }
  return score;
}

/** The slopes between all pairs per second, ascending. */
function pairSlopes(times: number[], counts: number[]): Float64Array {
  const slopes = new Float64Array((counts.length * (counts.length - 1)) / 2);
  let length = 0;
  for (let right = 1; right < times.length; right++) {
    for (let left = 0; left < right; left++) {
      const seconds = (times[right]! - times[left]!) / 1000;
      if (seconds > 0) slopes[length++] = (counts[right]! - counts[left]!) / seconds;
    }
  }
  return slopes.subarray(0, length).sort();
}

/** Standard deviation of the score of `n` points without a trend (Kendall). */
function deviation(n: number): number {
  return Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
}

function quantile(sorted: Float64Array, share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? 0;
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at - Math.floor(at));
}
