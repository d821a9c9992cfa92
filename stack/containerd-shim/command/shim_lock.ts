import { closeSync, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { flock, LOCK } from "#lib/linux/descriptor.ts";

/** Another holder removes the file when it ends; each try meets a new one. */
const MAX_TRIES = 100;

/**
 * Held while `start` decides to share a running shim, and while that shim decides to end: between
 * the two no container is handed to a shim that is leaving. Returns what releases it, or undefined
 * when it is held by another and `wait` is false.
 */
export function lockShim(socketPath: string, wait: boolean): (() => void) | undefined {
  const path = `${socketPath}.lock`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const fd = openSync(path, "w", 0o600);
    try {
      flock(fd, wait ? LOCK.EX : LOCK.EX | LOCK.NB);
    } catch (thrown) {
      closeSync(fd);
      if ((thrown as { code?: string }).code === "EAGAIN") return undefined;
      throw thrown;
    }
    if (isStill(path, fd)) return () => closeSync(fd);
    // The file that was locked is no longer the one that others will lock.
    closeSync(fd);
  }
  throw new Error(`lock ${path}: it was removed ${MAX_TRIES} times`);
}

function isStill(path: string, fd: number): boolean {
  try {
    return statSync(path).ino === fstatSync(fd).ino;
  } catch {
    return false;
  }
}
