import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** At most this much is read at a time: a daemon that floods its log must not fill our memory. */
const MAX_STEP_BYTES = 1024 * 1024;

/** New lines of a growing file, from its end on; a truncated or replaced file starts anew. */
export class LogFollower {
  readonly path: string;
  #offset: number;
  #inode: number;
  #rest = "";

  constructor(path: string) {
    this.path = path;
    const about = this.#look();
    this.#offset = about?.size ?? 0;
    this.#inode = about?.ino ?? 0;
  }

  #look(): { size: number; ino: number } | undefined {
    return this.#open((fd) => fstatSync(fd));
  }

  #open<T>(work: (fd: number) => T): T | undefined {
    let fd: number;
    try {
      fd = openSync(this.path, "r");
    } catch {
      return undefined;
    }
    try {
      return work(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Whole lines that were added since the last call. */
  take(): string[] {
    const text = this.#open((fd) => {
      const { size, ino } = fstatSync(fd);
      if (ino !== this.#inode || size < this.#offset) this.#offset = 0;
      this.#inode = ino;
      const buffer = Buffer.alloc(Math.min(size - this.#offset, MAX_STEP_BYTES));
      const got = readSync(fd, buffer, 0, buffer.length, this.#offset);
      this.#offset += got;
      return buffer.toString("utf8", 0, got);
    });
    const lines = (this.#rest + (text ?? "")).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-MAX_STEP_BYTES);
    return lines;
  }
}
