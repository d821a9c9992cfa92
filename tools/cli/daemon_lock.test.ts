import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFolder } from "./daemon_lock.ts";

test("a folder belongs to one daemon at a time, and says to which", () => {
  const folder = mkdtempSync(join(tmpdir(), "catena-lock-"));
  const unlock = lockFolder(folder, "catena.pid");
  expect(readFileSync(join(folder, "catena.pid"), "utf8")).toBe(`${process.pid}\n`);
  expect(() => lockFolder(folder, "catena.pid")).toThrow(`process ${process.pid}`);
  unlock();
  lockFolder(folder, "catena.pid")();
  rmSync(folder, { recursive: true });
});
