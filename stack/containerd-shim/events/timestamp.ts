/** Go's zero time, by which containerd says "not exited": year 1, in seconds before 1970. */
const GO_ZERO_SECONDS = -62_135_596_800n;
const NS_PER_S = 1_000_000_000n;

/** A protobuf timestamp of nanoseconds since 1970; 0 is Go's zero time. */
export function timestampFromNs(ns: bigint): { seconds: bigint; nanos: number } {
  if (ns === 0n) return { seconds: GO_ZERO_SECONDS, nanos: 0 };
  return { seconds: ns / NS_PER_S, nanos: Number(ns % NS_PER_S) };
}
