import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { O } from "#lib/linux/file.ts";
import { getXattr, listXattrs, setModified, setXattr } from "#lib/linux/layer_file.ts";
import { makeNode } from "#lib/linux/mount.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import type { LayerTarget } from "./layer_target.ts";

/** Folders whose descriptors are kept open; a layer's entries come folder by folder. */
const MAX_OPEN_FOLDERS = 16;
const PARENT_MODE = 0o755;

/**
 * The folder that a layer is unpacked into. Every parent is opened with openat2 as if the folder
 * were "/", and used through its descriptor: no link of the layer, old or new, leads out of it.
 */
export class LayerFolder {
  readonly #target: LayerTarget;
  readonly #root: number;
  readonly #open = new Map<string, number>();

  constructor(target: LayerTarget) {
    this.#target = target;
    this.#root = openSync(target.folder, constants.O_RDONLY | constants.O_DIRECTORY);
  }

  get rootFd(): number {
    return this.#root;
  }

  /**
   * A path that names an entry without following anything: the parent through its descriptor, then
   * one name. Valid until the next call. Missing parents are made as the layers below have them.
   */
  locate(parts: readonly string[]): string {
    const name = parts.at(-1);
    if (name === undefined) return `/proc/self/fd/${this.#root}/.`;
    return `/proc/self/fd/${this.#parent(parts.slice(0, -1))}/${name}`;
  }

  /** The state of an entry in this folder; undefined when there is none. */
  stat(parts: readonly string[]): Stats | undefined {
    return lstatSync(this.locate(parts), { throwIfNoEntry: false });
  }

  remove(parts: readonly string[]): void {
    this.#closeBelow(parts);
    rmSync(this.locate(parts), { recursive: true, force: true });
  }

  /** Where an entry lies in the layers below; undefined when they hide or lack it. */
  findLower(parts: readonly string[]): string | undefined {
    for (const folder of this.#target.lower) {
      const path = resolveBelow(folder, parts);
      if (path) return path;
    }
    return undefined;
  }

  /** Brings a file of a layer below up into this folder, as overlayfs does before it is linked. */
  copyUp(parts: readonly string[]): boolean {
    const source = this.findLower(parts);
    const stat = source === undefined ? undefined : lstatSync(source);
    if (source === undefined || !stat || stat.isDirectory()) return false;
    const path = this.locate(parts);
    if (stat.isSymbolicLink()) symlinkSync(readlinkSync(source), path);
    else if (stat.isFile()) copyFileSync(source, path, constants.COPYFILE_FICLONE);
    else makeNode(path, stat.mode, stat.rdev >>> 8, stat.rdev & 0xff);
    lchownSync(path, stat.uid, stat.gid);
    if (!stat.isSymbolicLink()) chmodSync(path, stat.mode & 0o7777);
    copyXattrs(source, path);
    setModified(path, Math.floor(stat.mtimeMs / 1000), 0);
    return true;
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
    closeSync(this.#root);
  }

  #parent(parts: readonly string[]): number {
    if (parts.length === 0) return this.#root;
    const key = parts.join("/");
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const fd = this.#openFolder(parts);
    if (this.#open.size >= MAX_OPEN_FOLDERS) {
      const [oldest] = this.#open;
      closeSync(oldest![1]);
      this.#open.delete(oldest![0]);
    }
    this.#open.set(key, fd);
    return fd;
  }

  #openFolder(parts: readonly string[]): number {
    const flags = O.PATH | O.DIRECTORY;
    try {
      return openInRoot(this.#root, parts.join("/"), flags);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    this.#makeFolder(parts);
    return openInRoot(this.#root, parts.join("/"), flags);
  }

  #makeFolder(parts: readonly string[]): void {
    // Making the parent first may evict it from the cache, so it is located after that.
    if (parts.length > 1) this.#parent(parts.slice(0, -1));
    const path = this.locate(parts);
    mkdirSync(path, { mode: PARENT_MODE });
    const source = this.findLower(parts);
    const stat = source === undefined ? undefined : lstatSync(source);
    if (source === undefined || !stat?.isDirectory()) return;
    chownSync(path, stat.uid, stat.gid);
    chmodSync(path, stat.mode & 0o7777);
    copyXattrs(source, path);
  }

  #closeBelow(parts: readonly string[]): void {
    const prefix = parts.join("/");
    for (const [key, fd] of this.#open) {
      if (key !== prefix && !key.startsWith(`${prefix}/`)) continue;
      closeSync(fd);
      this.#open.delete(key);
    }
  }
}

function resolveBelow(folder: string, parts: readonly string[]): string | undefined {
  let path = folder;
  for (const [index, part] of parts.entries()) {
    path = join(path, part);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    // A link in the middle is not followed: the file is then left to be found elsewhere.
    if (!stat || (index < parts.length - 1 && !stat.isDirectory())) return undefined;
    if (stat.isCharacterDevice() && stat.rdev === 0) return undefined;
  }
  return path;
}

function copyXattrs(from: string, to: string): void {
  for (const name of listXattrs(from)) {
    // overlayfs's own marks say how a folder lies on those below it: they are not the content's.
    if (name.startsWith("trusted.overlay.")) continue;
    const value = getXattr(from, name);
    if (value) setXattr(to, name, value);
  }
}
