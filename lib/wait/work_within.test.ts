import { expect, test } from "bun:test";
import { endsWithin } from "./work_within.ts";

test("tells whether work came in time, and fails as it fails", async () => {
  expect(await endsWithin(Promise.resolve(1), 10_000)).toBe(true);
  expect(await endsWithin(new Promise(() => {}), 1)).toBe(false);
  expect(await endsWithin(Promise.resolve(1), 2 ** 40)).toBe(true);
  await expect(endsWithin(Promise.reject(new Error("no")), 10_000)).rejects.toThrow("no");
});
