import { expect, test } from "bun:test";
import { documentDifference } from "./document_difference.ts";

const differ = (theirs: unknown, ours: unknown) =>
  documentDifference(theirs, ours, [
    { place: /^Pid$/, may: "kind", why: "each has its own" },
    { place: /^New$/, may: "ours", why: "newer" },
    { place: /^List\[\]\.Any$/, may: "any", why: "whatever" },
  ]);

test("equal documents do not differ, whatever the order of their keys", () => {
  expect(differ({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toEqual([]);
});

test("values, kinds, missing keys and lengths are told with their place", () => {
  const theirs = { a: { b: 1 }, c: null, d: [1], e: 1 };
  expect(differ(theirs, { a: { b: 2 }, c: [], d: [1, 2], f: 1 })).toEqual([
    "a.b: 1 there, 2 in ours",
    "c: null there, [] in ours",
    "d: [1] there, [1,2] in ours",
    "e: 1 there, absent in ours",
    "f: absent there, 1 in ours",
  ]);
});

test("what a rule allows is no difference, and no more than that", () => {
  expect(differ({ Pid: 1, List: [{ Any: 1 }] }, { Pid: 2, New: 1, List: [{ Any: "x" }] })).toEqual(
    [],
  );
  expect(differ({ Pid: 1 }, { Pid: "1" })).toEqual(['Pid: 1 there, "1" in ours']);
});
