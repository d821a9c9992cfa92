import { expect, test } from "bun:test";
import { annotatedProperties } from "./systemd_annotation.ts";

const one = (name: string, text: string) =>
  annotatedProperties({ [`org.systemd.property.${name}`]: text, "other.key": "x" });

test("values have the types that their text says", () => {
  expect(one("Description", "'a b'")).toEqual([
    { name: "Description", signature: "s", value: "a b" },
  ]);
  expect(one("CollectMode", `"inactive"`)[0]).toMatchObject({ signature: "s" });
  expect(one("SendSIGHUP", "true")[0]).toMatchObject({ signature: "b", value: true });
  expect(one("TimeoutStopUSec", "uint64 123456789")[0]).toMatchObject({
    signature: "t",
    value: 123_456_789n,
  });
  expect(one("Before", "['a.service', 'b.service']")[0]).toMatchObject({
    signature: "as",
    value: ["a.service", "b.service"],
  });
});

test("seconds become microseconds", () => {
  expect(one("TimeoutStopSec", "1.5")).toEqual([
    { name: "TimeoutStopUSec", signature: "t", value: 1_500_000n },
  ]);
});

test("what is malformed is refused by name", () => {
  expect(() => one("a", "true")).toThrow("org.systemd.property.a: invalid name");
  expect(() => one("Slice", "bare words")).toThrow("Slice: value parse error");
  expect(() => one("Slice", "['a' b]")).toThrow("value parse error");
  expect(() => one("TimeoutStopSec", "'x'")).toThrow("not a duration");
});
