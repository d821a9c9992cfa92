import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
  statfsSync,
  statSync,
} from "node:fs";
import { join } from "node:path";

/** Nothing that the doctor reads whole is larger; a process could offer an endless file. */
const MAX_READ_BYTES = 1024 * 1024;
const CHUNK_BYTES = 16 * 1024;

export interface FileSystemFill {
  blocksFree: number;
  blocks: number;
  blockSize: number;
  inodesFree: number;
  inodes: number;
}

/**
 * Reading a host's files, all of it forgiving: what cannot be read is undefined or empty, because
 * processes and cgroups vanish while the doctor looks. `prefix` lets a test put a host in a folder.
 */
export class HostFiles {
  readonly #prefix: string;
  #avoided: readonly string[] = [];

  constructor(prefix = "/") {
    this.#prefix = prefix;
  }

  /** Folders below which nothing is touched from now on: to look there would block. */
  avoid(folders: readonly string[]): void {
    this.#avoided = folders;
  }

  #isAvoided(path: string): boolean {
    return this.#avoided.some((folder) => path === folder || path.startsWith(`${folder}/`));
  }

  /** The path as this process must open it. */
  path(path: string): string {
    return join(this.#prefix, path);
  }

  /** The text of a file, at most `limit` bytes of it. Never blocks on a FIFO or a device. */
  read(path: string, limit = MAX_READ_BYTES): string | undefined {
    return this.bytes(path, limit)?.toString("utf8");
  }

  /** The first `limit` bytes of a regular file. */
  bytes(path: string, limit = MAX_READ_BYTES): Buffer | undefined {
    return this.#readAt(path, limit, () => 0);
  }

  /** The last `limit` bytes of a regular file: the end of a log. */
  tail(path: string, limit: number): string | undefined {
    return this.#readAt(path, limit, (size) => Math.max(0, size - limit))?.toString("utf8");
  }

  #readAt(path: string, limit: number, offsetOf: (size: number) => number): Buffer | undefined {
    if (this.#isAvoided(path)) return undefined;
    let fd: number;
    try {
      fd = openSync(
        this.path(path),
        constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
      );
    } catch {
      return undefined;
    }
    try {
      const about = fstatSync(fd);
      if (!about.isFile()) return undefined;
      let offset: number = offsetOf(about.size);
      const chunks: Buffer[] = [];
      for (let left = limit; left > 0; ) {
        const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
        const got = readSync(fd, chunk, 0, chunk.length, offset);
        if (got === 0) break;
        chunks.push(chunk.subarray(0, got));
        offset += got;
        left -= got;
      }
      return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    } catch {
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** The names in a folder; none when it cannot be listed. */
  list(path: string): string[] {
    if (this.#isAvoided(path)) return [];
    try {
      return readdirSync(this.path(path));
    } catch {
      return [];
    }
  }

  link(path: string): string | undefined {
    try {
      return readlinkSync(this.path(path));
    } catch {
      return undefined;
    }
  }

  /** stat(2); follows symbolic links. */
  stat(path: string): Stats | undefined {
    if (this.#isAvoided(path)) return undefined;
    try {
      return statSync(this.path(path));
    } catch {
      return undefined;
    }
  }

  /** lstat(2); does not follow the last symbolic link. */
  lstat(path: string): Stats | undefined {
    if (this.#isAvoided(path)) return undefined;
    try {
      return lstatSync(this.path(path));
    } catch {
      return undefined;
    }
  }

  exists(path: string): boolean {
    return this.lstat(path) !== undefined;
  }

  /** Whether we may not even look whether it is there: then its absence is no observation. */
  denied(path: string): boolean {
    if (this.#isAvoided(path)) return true;
    try {
      lstatSync(this.path(path));
      return false;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "EACCES" || code === "EPERM";
    }
  }

  /** How full the file system under `path` is. */
  fill(path: string): FileSystemFill | undefined {
    if (this.#isAvoided(path)) return undefined;
    try {
      const s = statfsSync(this.path(path));
      return {
        blocks: s.blocks,
        blocksFree: s.bavail,
        blockSize: s.bsize,
        inodes: s.files,
        inodesFree: s.ffree,
      };
    } catch {
      return undefined;
    }
  }

  json(path: string): unknown {
    const text = this.read(path);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return undefined;
    }
  }
}
