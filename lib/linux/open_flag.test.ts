import { expect, test } from "bun:test";
import { constants } from "node:fs";
import { O, openFlags } from "./open_flag.ts";

test("they are the numbers that this processor's runtime was compiled with", () => {
  const { O_DIRECTORY, O_NOFOLLOW, O_CREAT, O_EXCL, O_NONBLOCK, O_APPEND, O_TRUNC } = constants;
  expect<number[]>([O.DIRECTORY, O.NOFOLLOW]).toEqual([O_DIRECTORY, O_NOFOLLOW]);
  expect<number[]>([O.CREAT, O.EXCL, O.NONBLOCK]).toEqual([O_CREAT, O_EXCL, O_NONBLOCK]);
  expect<number[]>([O.APPEND, O.TRUNC]).toEqual([O_APPEND, O_TRUNC]);
});

test("arm64's folders and links are not x86-64's", () => {
  const [arm, intel] = [openFlags("arm64"), openFlags("x64")];
  expect([arm.DIRECTORY, arm.NOFOLLOW]).toEqual([0o40000, 0o100000]);
  expect([intel.DIRECTORY, intel.NOFOLLOW]).toEqual([0o200000, 0o400000]);
  expect({ ...arm, DIRECTORY: 0, NOFOLLOW: 0 }).toEqual({ ...intel, DIRECTORY: 0, NOFOLLOW: 0 });
});

test("an architecture that was not looked up is refused", () => {
  expect(() => openFlags("mips")).toThrow("mips");
});
