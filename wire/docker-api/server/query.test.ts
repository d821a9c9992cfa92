import { expect, test } from "bun:test";
import { parseFilters, Query } from "./query.ts";

const query = (text: string) => new Query(new URLSearchParams(text));

test("flags are true in every spelling that dockerd takes", () => {
  for (const yes of ["1", "true", "True", "yes"]) expect(query(`a=${yes}`).flag("a")).toBe(true);
  for (const no of ["0", "false", "False", "no", "none", ""]) {
    expect(query(`a=${no}`).flag("a", true)).toBe(false);
  }
  expect(query("").flag("a", true)).toBe(true);
});

test("filters are read in the map form and in the array form", () => {
  expect(parseFilters('{"label":{"a=b":true,"c":false}}')).toEqual({ label: ["a=b"] });
  expect(parseFilters('{"label":["a=b"],"id":[]}')).toEqual({ label: ["a=b"] });
  for (const bad of ["[]", "1", "{", '{"a":1}', '{"a":[1]}', '{"a":{"b":"x"}}']) {
    expect(() => parseFilters(bad)).toThrow("invalid filter");
  }
});

test("times are seconds with up to nine digits", () => {
  expect(query("since=1700000000.5").timeNs("since")).toBe(1700000000500000000n);
  expect(query("since=0").timeNs("since")).toBe(0n);
  expect(query("").timeNs("since")).toBeUndefined();
  expect(() => query("since=tomorrow").timeNs("since")).toThrow("invalid value");
});

test("sizes and numbers that are none are refused", () => {
  expect(() => query("h=x").size("h", "resize height")).toThrow('invalid resize height "x"');
  expect(() => query("h=4294967296").size("h", "resize height")).toThrow("out of range");
  expect(() => query("t=1.5").int("t")).toThrow("invalid syntax");
});
