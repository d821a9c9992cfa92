import { expect, test } from "bun:test";
import { familiarName, fullName, parseReference, repoTagName } from "./reference.ts";

test("short names become full ones and back", () => {
  for (const [short, full] of [
    ["busybox", "docker.io/library/busybox:latest"],
    ["a/b:1.0", "docker.io/a/b:1.0"],
    ["localhost/x", "localhost/x:latest"],
    ["reg.io:5000/a/b/c:t", "reg.io:5000/a/b/c:t"],
  ] as const) {
    expect(fullName(parseReference(short))).toBe(full);
    expect(parseReference(familiarName(full))).toEqual({
      ...parseReference(short),
      tag: parseReference(full).tag!,
    });
  }
  expect(familiarName("docker.io/library/busybox:latest")).toBe("busybox:latest");
});

test("hostile and malformed names are refused", () => {
  for (const bad of ["", "/", "a//b", "../etc", "a:b:c", "a b", "a\nb", "-a", "a@sha256:12", "."]) {
    expect(() => parseReference(bad)).toThrow("invalid reference format");
  }
  expect(() => parseReference("Busybox")).toThrow("must be lowercase");
  expect(() => parseReference("a".repeat(64))).toThrow("64-byte hexadecimal");
});

test("repo and tag parameters", () => {
  expect(repoTagName("", "")).toBeUndefined();
  expect(repoTagName("x", "v1")).toBe("docker.io/library/x:v1");
  expect(() => repoTagName("x", "../y")).toThrow("invalid reference format");
});
