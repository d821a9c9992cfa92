import {
  chmodSync,
  closeSync,
  constants,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { failure } from "#lib/errors/chain_error.ts";
import { setModified, setXattr, setXattrIfPossible } from "#lib/linux/layer_file.ts";
import { makeNode } from "#lib/linux/mount.ts";
import type { TarHeader } from "#lib/tar/tar_extract.ts";
import type { LayerFolder } from "./layer_folder.ts";
import { entryParts } from "./layer_path.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** Other names with this prefix are AUFS's own books. */
const AUFS_META = ".wh..wh.";
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const S_IFIFO = 0o010000;
const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;

type Content = AsyncIterable<Uint8Array>;

/** Puts the entries of a layer into its folder, in the archive's order. */
export class EntryWriter {
  readonly #folder: LayerFolder;
  readonly #overlay: boolean;
  /** Paths that this layer made: its whiteouts do not concern them. */
  readonly #made = new Set<string>();
  /** Folders get their times last, since each new entry changes them. */
  readonly #folderTimes: { parts: string[]; mtime: TarHeader["mtime"] }[] = [];

  constructor(folder: LayerFolder, overlay: boolean) {
    this.#folder = folder;
    this.#overlay = overlay;
  }

  async put(header: TarHeader, content: Content): Promise<void> {
    const parts = entryParts(header.name);
    const name = parts.at(-1) ?? "";
    if (name.startsWith(WHITEOUT)) {
      this.#whiteout(parts, name);
      return;
    }
    await this.#place(parts, header, content);
    this.#made.add(parts.join("/"));
  }

  /** Sets what could only be set last. */
  finish(): void {
    for (const { parts, mtime } of this.#folderTimes.reverse()) {
      if (!this.#folder.stat(parts)?.isDirectory()) continue;
      setModified(this.#folder.locate(parts), mtime.seconds, mtime.nanoseconds);
    }
  }

  async #place(parts: string[], header: TarHeader, content: Content): Promise<void> {
    const existing = this.#folder.stat(parts);
    const isFolder = header.type === "directory" || parts.length === 0;
    if (existing && !(existing.isDirectory() && isFolder)) this.#folder.remove(parts);
    const path = this.#folder.locate(parts);
    switch (header.type) {
      case "directory":
        if (!existing?.isDirectory()) mkdirSync(path, { mode: 0o700 });
        this.#folderTimes.push({ parts, mtime: header.mtime });
        break;
      case "file":
      case "contiguous-file":
        await writeFile(path, content);
        break;
      case "symlink":
        symlinkSync(header.linkname, path);
        break;
      case "link":
        // Owner, mode and times are the linked file's own.
        this.#link(parts, header.linkname);
        return;
      case "character-device":
        makeNode(path, S_IFCHR | 0o600, header.deviceMajor, header.deviceMinor);
        break;
      case "block-device":
        makeNode(path, S_IFBLK | 0o600, header.deviceMajor, header.deviceMinor);
        break;
      case "fifo":
        makeNode(path, S_IFIFO | 0o600, 0, 0);
        break;
      default:
        throw unsupported(header);
    }
    this.#describe(path, header);
  }

  #describe(path: string, header: TarHeader): void {
    lchownSync(path, header.uid, header.gid);
    // After the owner: changing that clears the set-id bits.
    if (header.type !== "symlink") chmodSync(path, header.mode & 0o7777);
    for (const [name, value] of header.xattrs) setXattrIfPossible(path, name, value);
    if (header.type === "directory") return;
    setModified(path, header.mtime.seconds, header.mtime.nanoseconds);
  }

  #link(parts: string[], linkname: string): void {
    const target = entryParts(linkname);
    if (!this.#folder.stat(target)) this.#folder.copyUp(target);
    // The target's parent may evict the entry's own from the cache: both are located, target first.
    const from = this.#folder.locate(target);
    const to = this.#folder.locate(parts);
    linkSync(from, to);
  }

  #whiteout(parts: string[], name: string): void {
    const parent = parts.slice(0, -1);
    if (name === OPAQUE) {
      if (this.#overlay) this.#markOpaque(parent);
      else this.#removeOthers(parent);
      return;
    }
    if (name.startsWith(AUFS_META)) return;
    const hidden = [...parent, name.slice(WHITEOUT.length)];
    const last = hidden.at(-1);
    if (last === "" || last === "." || last === "..") throw unsupportedName(parts.join("/"));
    if (this.#made.has(hidden.join("/"))) return;
    this.#folder.remove(hidden);
    // On overlayfs a character device 0:0 hides what lies below.
    if (this.#overlay) makeNode(this.#folder.locate(hidden), S_IFCHR, 0, 0);
  }

  #markOpaque(parts: string[]): void {
    // The parent is made if need be by locating something in it.
    this.#folder.locate([...parts, "x"]);
    setXattr(this.#folder.locate(parts), "trusted.overlay.opaque", Buffer.from("y"));
  }

  #removeOthers(parts: string[]): void {
    for (const child of readdirSync(this.#folder.locate(parts))) {
      const path = [...parts, child];
      if (!this.#made.has(path.join("/"))) this.#folder.remove(path);
    }
  }
}

async function writeFile(path: string, content: Content): Promise<void> {
  const fd = openSync(path, CREATE, 0o600);
  try {
    for await (const chunk of content) {
      for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done);
    }
  } finally {
    closeSync(fd);
  }
}

function unsupported({ name, type }: TarHeader) {
  return failure({
    layer: "containerd",
    op: "diff.apply",
    code: "unimplemented",
    message: `layer entry ${JSON.stringify(name)} of type ${JSON.stringify(type)}`,
  });
}

function unsupportedName(name: string) {
  return failure({
    layer: "containerd",
    op: "diff.apply",
    code: "invalid_argument",
    message: `invalid whiteout name: ${JSON.stringify(name)}`,
  });
}
