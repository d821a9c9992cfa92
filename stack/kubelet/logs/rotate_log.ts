import { readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { statFile } from "#lib/linux/file.ts";

export interface RotationLimits {
  /** A log larger than this is put aside. */
  maxBytes: number;
  /** How many files of a container are kept, the present one included. */
  maxFiles: number;
}

/** The kubelet's containerLogMaxSize and containerLogMaxFiles. */
export const LOG_ROTATION: RotationLimits = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

/**
 * Puts a container's log aside when it is too large: renames it with the time behind its name, has
 * the runtime open a new one, and removes the oldest. Renames it back when the runtime does not.
 * Returns whether it rotated. Rejects with the runtime's error.
 */
export async function rotateLog(
  path: string,
  limits: RotationLimits,
  reopen: () => Promise<void>,
  now = new Date(),
): Promise<boolean> {
  const size = statFile(path)?.size ?? 0;
  if (size <= limits.maxBytes) return false;
  const aside = `${path}.${now
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, "")
    .replace("T", "-")}`;
  renameSync(path, aside);
  try {
    await reopen();
  } catch (error) {
    // Its lines still go to the file that was renamed.
    if (!statFile(path)) renameSync(aside, path);
    throw error;
  }
  const old = asideLogs(path);
  for (const one of old.slice(0, Math.max(0, old.length - (limits.maxFiles - 1)))) rmSync(one);
  return true;
}

/** The files that a log was put aside to, the oldest first. */
function asideLogs(path: string): string[] {
  const form = /^\d{8}-\d{6}$/;
  const prefix = `${basename(path)}.`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && form.test(name.slice(prefix.length)))
    .sort()
    .map((name) => join(dirname(path), name));
}
