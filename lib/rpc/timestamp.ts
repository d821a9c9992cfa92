import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { wallClockUs } from "#lib/linux/wall_clock.ts";

/** A time in whole microseconds since 1970 as a message. */
export function timestampOfUs(us: number): Timestamp {
  const seconds = Math.floor(us / 1_000_000);
  return create(TimestampSchema, {
    seconds: BigInt(seconds),
    nanos: (us - seconds * 1_000_000) * 1000,
  });
}

/** Now, exact to a microsecond; the library's own timestampNow() is exact to a millisecond. */
export function currentTimestamp(): Timestamp {
  return timestampOfUs(wallClockUs());
}
