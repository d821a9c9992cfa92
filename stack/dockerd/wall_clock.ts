const NS_PER_SECOND = 1_000_000_000n;
/** The monotonic clock is tied to the wall clock anew this often, so that clock steps show. */
const RETIE_AFTER_NS = 10n * NS_PER_SECOND;

let tiedAtNs = 0n;
let offsetNs = 0n;

/** Nanoseconds since 1970. Strictly finer than Date.now(), so that log lines keep their order. */
export function wallNs(): bigint {
  const now = process.hrtime.bigint();
  if (offsetNs === 0n || now - tiedAtNs > RETIE_AFTER_NS) {
    offsetNs = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n - now;
    tiedAtNs = now;
  }
  return now + offsetNs;
}

let cachedSecond = -1;
let cachedText = "";

/** RFC 3339 in UTC with up to nine digits, trailing zeros cut: Go's RFC3339Nano. */
export function formatNs(ns: bigint): string {
  const second = Number(ns / NS_PER_SECOND);
  if (second !== cachedSecond) {
    cachedText = new Date(second * 1000).toISOString().slice(0, 19);
    cachedSecond = second;
  }
  const fraction = String(ns % NS_PER_SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${cachedText}Z` : `${cachedText}.${fraction}Z`;
}

export const nowText = () => formatNs(wallNs());

/** Go's zero time: "never". */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** Reads an RFC 3339 time. Undefined when it is none. */
export function parseTimeNs(text: string): bigint | undefined {
  const match = text.match(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/);
  if (!match) return undefined;
  const ms = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt((match[2] ?? "").padEnd(9, "0"));
}
