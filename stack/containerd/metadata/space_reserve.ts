import { closeSync, openSync, renameSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type ChainError, failure } from "#lib/errors/chain_error.ts";

/** Enough for SQLite to write the deletions that free a full disk. */
const RESERVE_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/**
 * Space that is kept so that a full disk can be emptied: deleting needs a little room for metadata.
 * It is given up when metadata finds the disk full, and taken again once there is room for several
 * times it. Until then nobody may write content (`check`), or that room would be gone at once.
 */
export class SpaceReserve {
  readonly #folder: string;
  readonly #path: string;
  #givenUp = false;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, "reserve");
    this.take();
  }

  /** Takes the space when the disk has plenty. */
  take(): void {
    if (statSync(this.#path, { throwIfNoEntry: false })?.size === RESERVE_BYTES) return;
    const { bavail, bsize } = statfsSync(this.#folder);
    if (bavail * bsize < RESERVE_BYTES * (this.#givenUp ? 2 : 4)) return;
    const temporary = `${this.#path}.tmp`;
    try {
      const fd = openSync(temporary, "w", 0o600);
      try {
        // Written, not only allocated: some file systems promise what they do not hold.
        const chunk = Buffer.alloc(CHUNK_BYTES, 1);
        for (let done = 0; done < RESERVE_BYTES; ) done += writeSync(fd, chunk);
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, this.#path);
      this.#givenUp = false;
    } catch {
      // Another writer was quicker: there is no room to spare.
      rmSync(temporary, { force: true });
    }
  }

  /** Gives the space up. */
  release(): void {
    rmSync(this.#path, { force: true });
    this.#givenUp = true;
  }

  /** Throws "resource_exhausted" while the space is given up and there is no room to take it. */
  check(): void {
    if (!this.#givenUp) return;
    this.take();
    if (this.#givenUp) throw fullDisk("write content");
  }

  /** Does work on metadata; when it finds the disk full, once more without the reserve. */
  spend<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isSqliteFull(error)) throw error;
      this.release();
    }
    return work();
  }
}

/** Whether SQLite found no room for what it was to write. */
export function isSqliteFull(error: unknown): boolean {
  return (error as { code?: unknown }).code === "SQLITE_FULL";
}

/** The failure of `what` for lack of space where containerd's root folder is. */
export function fullDisk(what: string): ChainError {
  return failure({
    layer: "containerd",
    op: "metadata.write",
    code: "resource_exhausted",
    message: `${what}: no space left on device`,
    cause: "the file system of containerd's root folder is full",
    fix: "remove images and containers, or free space on that file system",
    evidence: [{ kind: "errno", value: "ENOSPC" }],
  });
}
