import { expect, test } from "bun:test";
import { parseReference } from "./registry_reference.ts";

test("a whole name is host, repository and tag or digest", () => {
  expect(parseReference("docker.io/library/busybox:1.36")).toEqual({
    host: "docker.io",
    repository: "library/busybox",
    target: "1.36",
  });
  const digest = `sha256:${"a".repeat(64)}`;
  expect(parseReference(`localhost:5000/a@${digest}`)).toEqual({
    host: "localhost:5000",
    repository: "a",
    target: digest,
  });
  expect(parseReference(`h.example.org/a/b:1@${digest}`).target).toBe(digest);
  expect(parseReference("h.example.org/a").target).toBe("latest");
});

test("what is no whole name is refused", () => {
  for (const name of ["busybox", "", "h/", "h/../x:1", "h/A:1", "h/a:", "h/a@sha256:zz"]) {
    expect(() => parseReference(name)).toThrow(/names no host and image/);
  }
});
