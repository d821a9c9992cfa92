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
} from "node:fs";
import type { Pack } from "tar-stream";
import { getXattr } from "#lib/linux/layer_file.ts";
import { type EntryHeader, entryHeader, tarPack } from "#lib/tar/tar_pack.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { deviceMajor, deviceMinor } from "./file_mode.ts";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
const READ_BYTES = 1024 * 1024;
/** Folders deeper than this are an attack on descriptors, not data. */
const MAX_DEPTH = 400;
/** The only extended attribute that dockerd puts into archives. */
const CAPABILITY = "security.capability";

/**
 * Packs one entry of a folder, with all below it. `parentFd` holds the folder; every step below
 * goes by descriptor and follows no link, so a container that moves things meanwhile cannot lead us
 * out. `shown` is the name at the top of the archive. The descriptor is closed at the end.
 */
export function tarEntry(parentFd: number, name: string, shown: string): ByteStream {
  const packing = tarPack();
  const tree = new TreePacker(packing);
  tree
    .entry(parentFd, name, shown, 0)
    .then(() => packing.finalize())
    .catch((error: unknown) => {
      packing.destroy(error instanceof Error ? error : new Error(String(error)));
    })
    .finally(() => closeSync(parentFd));
  return packing as unknown as ByteStream;
}

/**
 * Packs one regular file under a name, without its capabilities: dockerd's builder loses those of a
 * file that is copied alone. The descriptor is closed at the end. */
export function tarFile(fd: number, shown: string): ByteStream {
  const packing = tarPack();
  const tree = new TreePacker(packing);
  tree
    .file(fd, shown)
    .then(() => packing.finalize())
    .catch((error: unknown) => {
      packing.destroy(error instanceof Error ? error : new Error(String(error)));
    })
    .finally(() => closeSync(fd));
  return packing as unknown as ByteStream;
}

/** Packs a folder's content; names start with `prefix`. The descriptor is closed at the end. */
export function tarContent(folderFd: number, prefix: string): ByteStream {
  const packing = tarPack();
  const tree = new TreePacker(packing);
  tree
    .content(folderFd, prefix, 0)
    .then(() => packing.finalize())
    .catch((error: unknown) => {
      packing.destroy(error instanceof Error ? error : new Error(String(error)));
    })
    .finally(() => closeSync(folderFd));
  return packing as unknown as ByteStream;
}

class TreePacker {
  readonly #packing: Pack;
  /** First name of each file that has several, by device and inode. */
  readonly #links = new Map<string, string>();

  readonly #failed: Promise<never>;

  constructor(packing: Pack) {
    this.#packing = packing;
    this.#failed = new Promise((_, reject) => {
      packing.once("error", reject);
      packing.once("close", () => reject(new Error("the reader of the archive went away")));
    });
    this.#failed.catch(() => undefined);
  }

  async content(folderFd: number, prefix: string, depth: number): Promise<void> {
    for (const name of readdirSync(`/proc/self/fd/${folderFd}`).sort()) {
      await this.entry(folderFd, name, `${prefix}${name}`, depth);
    }
  }

  file(fd: number, shown: string): Promise<void> {
    const stats = fstatSync(fd);
    return this.#fileBody(fd, stats, baseHeader(stats, shown));
  }

  async entry(parentFd: number, name: string, shown: string, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw new RangeError(`folders too deep at ${shown}`);
    const path = `/proc/self/fd/${parentFd}/${name}`;
    let stats: Stats;
    try {
      stats = lstatSync(path);
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return;
      throw error;
    }
    if (stats.isSocket()) return;
    if (stats.isDirectory()) return this.#folder(path, stats, shown, depth);
    if (stats.isFile()) return this.#file(path, stats, shown);
    const header = baseHeader(stats, shown);
    if (stats.isSymbolicLink()) {
      await this.#write({ ...header, type: "symlink", linkname: readlinkSync(path), size: 0 });
      return;
    }
    const type = stats.isFIFO()
      ? "fifo"
      : stats.isBlockDevice()
        ? "block-device"
        : "character-device";
    const numbers = { devmajor: deviceMajor(stats.rdev), devminor: deviceMinor(stats.rdev) };
    await this.#write({ ...header, type, size: 0, ...(type === "fifo" ? {} : numbers) });
  }

  async #folder(path: string, stats: Stats, shown: string, depth: number): Promise<void> {
    const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      const name = shown.endsWith("/") ? shown : `${shown}/`;
      await this.#write({ ...baseHeader(stats, name), type: "directory", size: 0 });
      await this.content(fd, name, depth + 1);
    } finally {
      closeSync(fd);
    }
  }

  async #file(path: string, found: Stats, shown: string): Promise<void> {
    const key = `${found.dev}:${found.ino}`;
    const first = found.nlink > 1 ? this.#links.get(key) : undefined;
    if (first !== undefined) {
      await this.#write({ ...baseHeader(found, shown), type: "link", linkname: first, size: 0 });
      return;
    }
    if (found.nlink > 1) this.#links.set(key, shown);
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      await this.#fileBody(fd, stats, { ...baseHeader(stats, shown), ...capabilityOf(path) });
    } finally {
      closeSync(fd);
    }
  }

  /** A file that shrinks while it is read is filled with zeros: its size was told already. */
  async #fileBody(fd: number, stats: Stats, header: Omit<EntryHeader, "size">): Promise<void> {
    const whole: EntryHeader = { ...header, type: "file", size: stats.size };
    const entry = this.#packing.entry(entryHeader(whole));
    const finished = new Promise<void>((resolve, reject) => {
      entry.once("finish", resolve);
      entry.once("error", reject);
    });
    finished.catch(() => undefined);
    for (let left = stats.size; left > 0; ) {
      const buffer = Buffer.allocUnsafe(Math.min(left, READ_BYTES));
      const bytes = readSync(fd, buffer, 0, buffer.length, null);
      const data = bytes > 0 ? buffer.subarray(0, bytes) : buffer.fill(0);
      left -= data.length;
      if (!entry.write(data)) {
        const room = new Promise<void>((resolve) => entry.once("drain", () => resolve()));
        await Promise.race([room, finished, this.#failed]);
      }
    }
    entry.end(undefined);
    await Promise.race([finished, this.#failed]);
  }

  #write(header: EntryHeader): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#packing.entry(entryHeader(header), (error) => (error ? reject(error) : resolve()));
    });
  }
}

/** A file's capabilities, where it has some. */
function capabilityOf(path: string): Pick<EntryHeader, "xattrs"> {
  const value = getXattr(path, CAPABILITY);
  return value ? { xattrs: new Map([[CAPABILITY, value]]) } : {};
}

function baseHeader(stats: Stats, name: string): Omit<EntryHeader, "size"> {
  return {
    name,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    mtime: stats.mtime,
  };
}
