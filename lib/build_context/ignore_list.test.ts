import { expect, test } from "bun:test";
import { IgnoreList } from "./ignore_list.ts";
import { hasWildcard, pathPattern } from "./path_pattern.ts";

test.each<[string, string[], string[]]>([
  ["*.md\n!README.md", ["a.md"], ["README.md", "d/a.md"]],
  ["**/*.md", ["a.md", "d/e/a.md"], ["a.txt"]],
  ["node_modules", ["node_modules/a/b", "node_modules"], ["x/node_modules"]],
  ["/a/\n# comment\n\n./b", ["a/x", "b"], ["c", "# comment"]],
  ["a\n!a/keep\na/keep/not", ["a/x", "a/keep/not"], ["a/keep", "a/keep/yes"]],
  ["*\n!src", ["Dockerfile"], ["src/a"]],
  ["temp?", ["temp1"], ["temp", "temp12"]],
  ["[ab].c", ["a.c"], ["c.c"]],
  ["a/**/z", ["a/z", "a/b/c/z"], ["b/z"]],
  ["[", [], ["["]],
])("%j", (text, out, kept) => {
  const list = new IgnoreList(text);
  for (const path of out) expect([path, list.ignores(path)]).toEqual([path, true]);
  for (const path of kept) expect([path, list.ignores(path)]).toEqual([path, false]);
});

test("patterns of COPY do not cross slashes", () => {
  expect(pathPattern("d/**", false)?.test("d/a/b")).toBe(false);
  expect(pathPattern("d/*", false)?.test("d/a")).toBe(true);
  expect(pathPattern("a\\*", false)?.test("a*")).toBe(true);
  expect(hasWildcard("a\\*")).toBe(false);
  expect(hasWildcard("a[0-9]")).toBe(true);
});
