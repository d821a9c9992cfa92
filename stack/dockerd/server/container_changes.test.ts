import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeNode } from "#lib/linux/mount.ts";
import { changesOf } from "./container_changes.ts";

const folder = mkdtempSync(join(tmpdir(), "catena-changes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const S_IFCHR = 0o020000;

test("added, modified and deleted, with the folders above them", () => {
  const lower = join(folder, "lower");
  const upper = join(folder, "upper");
  for (const root of [lower, upper]) mkdirSync(join(root, "etc"), { recursive: true });
  for (const name of ["old", "gone"]) writeFileSync(join(lower, "etc", name), "x");
  writeFileSync(join(upper, "etc", "old"), "changed");
  makeNode(join(upper, "etc", "gone"), S_IFCHR, 0, 0);
  // A whiteout of what no layer has is no change.
  makeNode(join(upper, "etc", "never"), S_IFCHR, 0, 0);
  mkdirSync(join(upper, "new"));
  writeFileSync(join(upper, "new", "file"), "x");
  for (const root of [lower, upper]) utimesSync(join(root, "etc"), 1, 1);
  expect(changesOf(upper, [lower]).map(({ Path, Kind }) => `${Kind} ${Path}`)).toEqual([
    "0 /etc",
    "2 /etc/gone",
    "0 /etc/old",
    "1 /new",
    "1 /new/file",
  ]);
});
