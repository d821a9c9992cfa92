import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import {
  errnoOf,
  killProcess,
  listFolder,
  makeFolders,
  O,
  readText,
  readTextIfAny,
  removeTree,
  statFile,
  writeText,
  writeTextAtomically,
} from "./file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/file-test-`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("text is written, read back and replaced as a whole", () => {
  const path = `${folder}/a`;
  writeText(path, "one", O.WRONLY | O.CREAT);
  writeTextAtomically(path, "x".repeat(100_000));
  expect(readText(path).length).toBe(100_000);
  expect(listFolder(folder)).toEqual([{ name: "a", isFolder: false }]);
});

test("failures carry errno, syscall and path", () => {
  try {
    readText(`${folder}/missing`);
    throw new Error("read succeeded");
  } catch (error) {
    expect(error).toMatchObject({ code: "ENOENT", syscall: "open", path: `${folder}/missing` });
  }
  expect(readTextIfAny(`${folder}/missing`)).toBeUndefined();
  expect(statFile(`${folder}/missing`)).toBeUndefined();
});

test("a tree is removed without following links", () => {
  makeFolders(`${folder}/kept/deep`, 0o755);
  makeFolders(`${folder}/tree/a/b`, 0o755);
  symlinkSync(`${folder}/kept`, `${folder}/tree/a/link`);
  removeTree(`${folder}/tree`);
  expect(listFolder(folder)).toEqual([{ name: "kept", isFolder: true }]);
  expect(statFile(`${folder}/kept/deep`)).toBeDefined();
});

test("pid 0 and negative pids, which name groups, are refused", () => {
  for (const pid of [0, -1]) {
    try {
      killProcess(pid, 0);
      throw new Error("signalled");
    } catch (error) {
      expect(errnoOf(error)).toBe("ESRCH");
    }
  }
});
