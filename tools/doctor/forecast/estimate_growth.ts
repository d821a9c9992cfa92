/** One look at a level: when, in milliseconds since 1970, and how much. */
export interface Sample {
  timeMs: number;
  value: number;
}

export interface Growth {
  perSecond: number;
  /** Seconds until the limit, at this rate. */
  fullInSeconds: number;
  /** What the rate was taken from. */
  from: Sample;
  to: Sample;
}

/** Later than this nobody plans for. */
const HORIZON_S = 7 * 24 * 3600;
/** Fewer than this many more may be chance: a request that is being served. */
const MIN_RISE = 3;
const MIN_RISE_OF_LIMIT = 0.02;
/** Two looks alone prove less. */
const FEW_SAMPLES = 3;
const MIN_RISE_OF_FEW = 0.05;

/**
 * The growth of a level towards its limit: the median of the slopes between its samples, which one
 * odd sample cannot bend. Undefined when it does not grow: its newest value must be its largest,
 * and the rise more than what comes and goes. Pure.
 */
export function estimateGrowth(samples: readonly Sample[], limit: number): Growth | undefined {
  const sorted = [...samples].sort((a, b) => a.timeMs - b.timeMs);
  const from = sorted[0];
  const to = sorted.at(-1);
  if (!from || !to || to.timeMs <= from.timeMs || to.value >= limit) return undefined;
  const share = sorted.length < FEW_SAMPLES ? MIN_RISE_OF_FEW : MIN_RISE_OF_LIMIT;
  const rise = to.value - from.value;
  if (rise < MIN_RISE || rise < limit * share) return undefined;
  if (sorted.some((sample) => sample.value > to.value)) return undefined;
  const perSecond = medianSlope(sorted);
  const fullInSeconds = (limit - to.value) / perSecond;
  if (!(perSecond > 0) || fullInSeconds > HORIZON_S) return undefined;
  return { perSecond, fullInSeconds, from, to };
}

function medianSlope(sorted: readonly Sample[]): number {
  const slopes: number[] = [];
  sorted.forEach((left, index) => {
    for (const right of sorted.slice(index + 1)) {
      const seconds = (right.timeMs - left.timeMs) / 1000;
      if (seconds > 0) slopes.push((right.value - left.value) / seconds);
    }
  });
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)] ?? 0;
}
