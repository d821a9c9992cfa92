import { expect, test } from "bun:test";
import { compileFilters, filled, mapField } from "./filter_match.ts";
import { parseFilter } from "./filter_parse.ts";

const subject = {
  name: "docker.io/library/busybox:latest",
  labels: { "containerd.io/gc.ref.content": "x", foo: "bar", "quo.ted": 'a"b' },
};

function matches(...filters: string[]): boolean {
  return compileFilters(filters)((path) => {
    if (path[0] === "name") return filled(subject.name);
    if (path[0] === "labels") return mapField(subject.labels, path);
    return undefined;
  });
}

test("no filter and the empty filter match everything", () => {
  expect(matches()).toBe(true);
  expect(matches("")).toBe(true);
});

test.each([
  ["name==docker.io/library/busybox:latest", true],
  ["name==busybox", false],
  ["name!=busybox", true],
  ["name~=busybox", true],
  ["name~=^busybox", false],
  ["name~=|docker.io/.*|", true],
  ["name~=/library\\/busybox/", true],
  ["labels.foo", true],
  ["labels.nothing", false],
  ["labels.foo==bar,name~=busybox", true],
  ["labels.foo==baz,name~=busybox", false],
  ['labels."containerd.io/gc.ref.content"==x', true],
  ['labels."quo.ted"=="a\\"b"', true],
  ["nothing!=x", true],
  ['name == "docker.io/library/busybox:latest"', true],
])("%s", (filter, expected) => {
  expect(matches(filter)).toBe(expected);
});

test("any of several filters is enough", () => {
  expect(matches("name==x", "labels.foo==bar")).toBe(true);
});

test.each([
  ["name=x", 'parse error: [name >|=|< x]: unsupported operator "="'],
  ["name==", "expected value or quoted"],
  ["name==/x/", "invalid quote encountered"],
  ['name=="x', "quoted literal not terminated"],
  [",", "expected field or quoted"],
  ["name foo", "expected an operator"],
  ['name=="\\q"', "illegal escape sequence"],
  ["name==a b", "unexpected input: b"],
])("%s is refused", (filter, words) => {
  expect(() => parseFilter(filter)).toThrow(words);
});

test("escapes are Go's", () => {
  expect(parseFilter('a=="\\x41\\u00e9\\101\\t"')[0]!.value).toBe("AéA\t");
});
