import { readFileSync, renameSync, writeFileSync } from "node:fs";

/**
 * Replaces a JSON file so that a reader, or the daemon after a kill -9, sees the old or the new
 * content, never a piece. No fsync: the page cache survives the daemon, and every run would wait.
 */
export function writeStateFile(path: string, value: unknown, mode = 0o600): void {
  writeFileSync(`${path}.tmp`, JSON.stringify(value), { mode });
  renameSync(`${path}.tmp`, path);
}

/** Reads a JSON file; undefined when it is not there or is no JSON. */
export function readStateFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
