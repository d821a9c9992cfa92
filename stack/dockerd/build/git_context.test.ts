import { expect, test } from "bun:test";
import { isGitUrl, readGitUrl } from "./git_context.ts";

test.each([
  ["git://host/repo", true],
  ["git@host:repo", true],
  ["github.com/moby/moby", true],
  ["https://host/repo.git", true],
  ["https://host/repo.git#v1:docs", true],
  ["https://host/context.tar", false],
  ["https://host/repo.git/x", false],
])("%s is a repository: %p", (url, is) => {
  expect(isGitUrl(url)).toBe(is);
});

test("a ref and a folder may follow", () => {
  const remote = "git://host/repo";
  expect(readGitUrl(remote)).toEqual({ remote, ref: "", subdir: "" });
  expect(readGitUrl(`${remote}#v1:a/b`)).toEqual({ remote, ref: "v1", subdir: "a/b" });
  expect(readGitUrl(`${remote}#:a`)).toEqual({ remote, ref: "", subdir: "a" });
  expect(readGitUrl("github.com/x/y#v")).toMatchObject({ remote: "https://github.com/x/y" });
  expect(() => readGitUrl(`${remote}#--upload-pack=x`)).toThrow("invalid refspec");
});
