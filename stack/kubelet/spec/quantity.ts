const SUFFIXES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * Reads a Kubernetes quantity ("100m", "64Mi", "1.5", "1e3") as a number of its base unit: cores or
 * bytes. Undefined when it is none.
 */
export function parseQuantity(text: string): number | undefined {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/.exec(
    text,
  );
  if (!match) return undefined;
  const [, digits, exponent, suffix] = match;
  const value = Number(digits) * (exponent ? 10 ** Number(exponent) : SUFFIXES[suffix ?? ""]!);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * How often `divisor` goes into an amount, rounded up: what resourceFieldRef puts into a variable.
 */
export function divideQuantity(amount: number, divisor: number): string {
  // 0.1 / 0.001 is a hair more than 100 in floating point, which is not 101.
  return String(Math.ceil(Math.round((amount / divisor) * 1e6) / 1e6));
}
