import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkOwned, runSystemReset } from "./system_reset.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "catena-reset-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a folder that other programs use is refused and left as it is", async () => {
  for (const name of ["containerd", "docker"]) mkdirSync(join(folder, name));
  const flags = { root: folder, state: folder, force: true };
  await expect(runSystemReset(flags)).rejects.toThrow("is no folder of a catena daemon");
  expect(readdirSync(folder).sort()).toEqual(["containerd", "docker"]);
});

test("a daemon's folder, a single box's, an empty and an absent one are taken", () => {
  checkOwned(folder);
  checkOwned(join(folder, "absent"));
  mkdirSync(join(folder, "containerd"));
  writeFileSync(join(folder, "containerd.pid"), "");
  checkOwned(folder);
  writeFileSync(join(folder, "notes"), "");
  expect(() => checkOwned(folder)).toThrow("holds notes");
  writeFileSync(join(folder, "catena.pid"), "");
  checkOwned(folder);
});
