import { closeSync, openSync, renameSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Enough for SQLite to write the deletions that free a full disk. */
const RESERVE_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/**
 * Space that is kept so that a full disk can be emptied: deleting needs a little room for metadata.
 * It is given up when the disk is full, and taken again once there is room for several times it.
 */
export class SpaceReserve {
  readonly #folder: string;
  readonly #path: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#path = join(folder, "reserve");
    this.take();
  }

  /** Takes the space when the disk has plenty. */
  take(): void {
    if (statSync(this.#path, { throwIfNoEntry: false })?.size === RESERVE_BYTES) return;
    const { bavail, bsize } = statfsSync(this.#folder);
    if (bavail * bsize < RESERVE_BYTES * 4) return;
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
    } catch {
      // Another writer was quicker: there is no room to spare.
      rmSync(temporary, { force: true });
    }
  }

  /** Gives the space up. */
  release(): void {
    rmSync(this.#path, { force: true });
  }
}
