import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";

/** A time of the database (Unix milliseconds, fractions allowed) as the API sends it. */
export function timestampOf(ms: number): Timestamp {
  return timestampFromMs(Math.trunc(ms));
}
