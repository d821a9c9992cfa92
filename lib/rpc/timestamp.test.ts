import { expect, test } from "bun:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { currentTimestamp, timestampOfUs } from "./timestamp.ts";

test("microseconds become seconds and nanoseconds, before 1970 too", () => {
  expect(timestampOfUs(1_500_000)).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
  expect(timestampOfUs(-1)).toMatchObject({ seconds: -1n, nanos: 999_999_000 });
  expect(timestampOfUs(1_795_547_124_847_913)).toMatchObject({
    seconds: 1_795_547_124n,
    nanos: 847_913_000,
  });
});

test("now is between two looks at the wall's clock", () => {
  const before = Date.now();
  const now = Math.floor(timestampMs(currentTimestamp()));
  expect(now).toBeGreaterThanOrEqual(before);
  expect(now).toBeLessThanOrEqual(Date.now() + 1);
});
