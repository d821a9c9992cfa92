import { expect, test } from "bun:test";
import { EscapeWatch, parseDetachKeys } from "./escape_keys.ts";

test("keys are read as the CLI writes them", () => {
  expect(parseDetachKeys("")).toEqual([16, 17]);
  expect(parseDetachKeys("ctrl-a,x,ctrl-]")).toEqual([1, 120, 29]);
  expect(() => parseDetachKeys("ctrl-1")).toThrow("Invalid escape keys");
});

test("the sequence detaches over any cut, its beginning alone is passed on", () => {
  const watch = new EscapeWatch([16, 17]);
  expect(watch.feed(Uint8Array.from([1, 16]))).toEqual(Uint8Array.from([1]));
  expect(watch.feed(Uint8Array.from([2]))).toEqual(Uint8Array.from([16, 2]));
  expect(watch.feed(Uint8Array.from([16, 16]))).toEqual(Uint8Array.from([16]));
  expect(watch.feed(Uint8Array.from([17]))).toBeUndefined();
});
