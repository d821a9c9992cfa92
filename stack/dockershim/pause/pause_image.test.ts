import { expect, test } from "bun:test";
import { splitTag } from "./pause_image.ts";

test("names come apart as docker reads them", () => {
  expect(splitTag("busybox")).toEqual({ name: "busybox", tag: "latest" });
  expect(splitTag("busybox:1.36")).toEqual({ name: "busybox", tag: "1.36" });
  const registry = "127.0.0.1:5000/a/b";
  expect(splitTag(registry)).toEqual({ name: registry, tag: "latest" });
  expect(splitTag(`${registry}:c`)).toEqual({ name: registry, tag: "c" });
  const digest = `${registry}@sha256:abc`;
  expect(splitTag(digest)).toEqual({ name: digest, tag: "" });
});
