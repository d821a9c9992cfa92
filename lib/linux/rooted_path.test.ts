import { afterAll, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openInRoot } from "./rooted_path.ts";

/** open(2) flag that node:fs does not name. */
const O_PATH = 0o10000000;
const folder = mkdtempSync(join(tmpdir(), "catena-rooted-"));
const root = openRoot();
afterAll(() => {
  closeSync(root);
  rmSync(folder, { recursive: true, force: true });
});

function openRoot(): number {
  const rootfs = join(folder, "rootfs");
  mkdirSync(join(rootfs, "etc"), { recursive: true });
  writeFileSync(join(folder, "secret"), "outside");
  writeFileSync(join(rootfs, "secret"), "inside");
  symlinkSync("/secret", join(rootfs, "etc", "absolute"));
  symlinkSync("../../../../secret", join(rootfs, "etc", "relative"));
  return openSync(rootfs, O_PATH | constants.O_DIRECTORY);
}

function read(path: string): string {
  const fd = openInRoot(root, path, constants.O_RDONLY);
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

test("links and dots stay inside the root", () => {
  for (const path of ["secret", "/secret", "../secret", "etc/absolute", "/etc/relative"]) {
    expect(read(path)).toBe("inside");
  }
});

test("a path that is not there throws with its name", () => {
  expect(() => read("/no/such")).toThrow(
    expect.objectContaining({ code: "ENOENT", path: "/no/such" }),
  );
});
