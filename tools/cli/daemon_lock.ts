import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { failure } from "#lib/errors/chain_error.ts";
import { flock, LOCK } from "#lib/linux/descriptor.ts";

/**
 * Holds a folder for one daemon: an advisory lock on a file with the process id in it. The kernel
 * drops the lock when the process ends, however it ends, so no stale lock can be left behind.
 * Throws (already_exists) when a living daemon holds it. Returns what gives it up.
 */
export function lockFolder(folder: string, name: string): () => void {
  const path = join(folder, name);
  const fd = openSync(path, "a+", 0o644);
  try {
    flock(fd, LOCK.EX | LOCK.NB);
  } catch {
    closeSync(fd);
    throw heldBy(folder, path);
  }
  ftruncateSync(fd, 0);
  writeSync(fd, `${process.pid}\n`);
  return () => {
    ftruncateSync(fd, 0);
    closeSync(fd);
  };
}

function heldBy(folder: string, path: string) {
  const pid = readFileSync(path, "utf8").trim();
  return failure({
    layer: "cli",
    op: "lock",
    code: "already_exists",
    message: `${folder} belongs to another daemon${pid === "" ? "" : `, process ${pid}`}`,
    evidence: [{ kind: "path", value: `locked by process ${pid}`, ref: path }],
    fix: "stop that daemon, or give this one other --root and --state folders",
  });
}
