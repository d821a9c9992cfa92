const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;
/** Docker's "never": Go's zero time. */
const NEVER = "0001-01-01";

/**
 * Nanoseconds since 1970 of an RFC 3339 time as Docker writes it, fractions to nine digits kept.
 * 0 for "never" and for what is no time.
 */
export function nanoseconds(text: string): bigint {
  if (text === "" || text.startsWith(NEVER)) return 0n;
  const match = text.match(/^([0-9-]{10}T[0-9:]{8})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})$/);
  const ms = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
  if (Number.isNaN(ms)) return 0n;
  return BigInt(ms) * NS_PER_MS + BigInt((match?.[2] ?? "0").padEnd(9, "0"));
}

/** The time of the wall clock, nanoseconds since 1970. */
export function wallNanoseconds(): bigint {
  return BigInt(Date.now()) * NS_PER_MS;
}

/** Seconds since 1970, as lists of containers give them, in nanoseconds. */
export function fromSeconds(seconds: number): bigint {
  return BigInt(Math.trunc(seconds)) * NS_PER_SECOND;
}
