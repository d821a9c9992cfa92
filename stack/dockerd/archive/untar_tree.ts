import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeSync,
} from "node:fs";
import { posix } from "node:path";
import { Readable } from "node:stream";
import type { Header } from "tar-stream";
import { setXattrIfPossible } from "#lib/linux/layer_file.ts";
import { makeNode } from "#lib/linux/mount.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import { tarExtract } from "#lib/tar/tar_extract.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { checkedTar } from "../images/checked_tar.ts";
import { decompressed } from "../images/decompress.ts";
import { broken, invalid } from "../refusals.ts";
import { makeRootedFolder } from "../rootfs/rooted_files.ts";

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY, O_RDONLY } = constants;
const O_PATH = 0o10000000;
const op = "extract archive";

const DEVICE_MODES: Record<string, number> = {
  fifo: 0o010000,
  "character-device": 0o020000,
  "block-device": 0o060000,
};

/** An entry of the archive as it streams by. */
type TarEntry = AsyncIterable<Uint8Array> & { header: Header; resume(): unknown };

export interface UntarOptions {
  /** A container's root, opened; every name is resolved inside it. */
  rootFd: number;
  /** Folder inside the root to extract into. */
  folder: string;
  noOverwriteDirNonDir: boolean;
  /** Owner of everything that is made, instead of the archive's. */
  owner?: { uid: number; gid: number };
  /**
   * Give files their owner after all else: the kernel then drops set-user-id bits and capabilities,
   * as it does when dockerd's builder gives files an owner.
   */
  dropsSetId?: boolean;
}

/** How one entry is extracted. */
interface EntryOptions extends UntarOptions {
  xattrs: ReadonlyMap<string, Buffer>;
}

/**
 * Extracts a tar below a folder of a container. A name with `..` is refused; the parent of each
 * entry is resolved inside the root and held by its descriptor, so no link leads out.
 */
export async function untar(tar: ByteStream, options: UntarOptions): Promise<void> {
  const { stream: extracting, take } = tarExtract();
  const source = Readable.from(checkedTar(decompressed(tar)));
  source.on("error", (error) => extracting.destroy(error));
  source.pipe(extracting);
  const folderTimes: { path: string; mtime: Date }[] = [];
  for await (const entry of extracting) {
    const { name, type, mtime } = entry.header;
    const { xattrs } = take(entry.header);
    const path = insidePath(options.folder, name);
    if (path === undefined) {
      entry.resume();
      continue;
    }
    await extractEntry(entry as unknown as TarEntry, path, { ...options, xattrs });
    if (type === "directory" && mtime) folderTimes.push({ path, mtime });
  }
  // What was put into a folder changed its time.
  for (const { path, mtime } of folderTimes.reverse()) setFolderTime(options.rootFd, path, mtime);
}

/** Where an entry goes; undefined for the folder itself. */
function insidePath(folder: string, name: string): string | undefined {
  if (name.includes("\0")) throw invalid(op, "invalid tar header: a name holds a null byte");
  const clean = posix.normalize(name).replace(/\/+$/, "");
  if (clean === ".." || clean.startsWith("../") || clean.includes("/../")) {
    throw invalid(op, `${JSON.stringify(name)} is outside of ${JSON.stringify(folder)}`);
  }
  const inner = clean.replace(/^\/+/, "");
  return inner === "" || inner === "." ? undefined : posix.join("/", folder, inner);
}

async function extractEntry(entry: TarEntry, path: string, options: EntryOptions): Promise<void> {
  const { rootFd } = options;
  const parent = posix.dirname(path);
  makeRootedFolder(rootFd, parent, options.owner?.uid ?? 0, options.owner?.gid ?? 0);
  const parentFd = openInRoot(rootFd, parent, O_PATH | O_DIRECTORY);
  try {
    const at = `/proc/self/fd/${parentFd}/${posix.basename(path)}`;
    const keeps = makeWay(at, path, entry.header, options);
    if (entry.header.type === "file" || entry.header.type === "contiguous-file") {
      await writeFile(entry, at, options);
    } else {
      if (!keeps) makeSpecial(at, entry.header, options);
      entry.resume();
      ownAndTime(at, entry.header, options);
    }
  } finally {
    closeSync(parentFd);
  }
}

function lstatOr(at: string): Stats | undefined {
  try {
    return lstatSync(at);
  } catch {
    return undefined;
  }
}

/** Removes what is in the way. True: a folder that is there already is used as it is. */
function makeWay(at: string, path: string, header: Header, options: UntarOptions): boolean {
  const present = lstatOr(at);
  if (!present) return false;
  const isFolder = header.type === "directory";
  if (present.isDirectory() && isFolder) return true;
  if (options.noOverwriteDirNonDir && present.isDirectory() !== isFolder) {
    throw invalid(
      op,
      present.isDirectory()
        ? `cannot overwrite directory ${JSON.stringify(path)} with non-directory ` +
            `${JSON.stringify(path)}`
        : `cannot overwrite non-directory ${JSON.stringify(path)} with directory ` +
            `${JSON.stringify(path)}`,
    );
  }
  rmSync(at, { recursive: true, force: true });
  return false;
}

const ownerOf = (header: Header, options: UntarOptions) => ({
  uid: options.owner?.uid ?? header.uid ?? 0,
  gid: options.owner?.gid ?? header.gid ?? 0,
});

async function writeFile(entry: TarEntry, at: string, options: EntryOptions): Promise<void> {
  const { header } = entry;
  const fd = openSync(at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    for await (const data of entry) {
      for (let done = 0; done < data.length; ) done += writeSync(fd, data, done);
    }
    const { uid, gid } = ownerOf(header, options);
    fchownSync(fd, uid, gid);
    fchmodSync(fd, (header.mode ?? 0o644) & 0o7777);
    setXattrs(at, options);
    if (options.dropsSetId) fchownSync(fd, uid, gid);
    if (header.mtime) futimesSync(fd, header.mtime, header.mtime);
  } finally {
    closeSync(fd);
  }
}

function makeSpecial(at: string, header: Header, options: UntarOptions): void {
  const { type = "file", linkname } = header;
  const mode = (header.mode ?? 0o644) & 0o7777;
  switch (type) {
    case "directory":
      mkdirSync(at, { mode });
      return;
    case "symlink":
      symlinkSync(linkname ?? "", at);
      return;
    case "link":
      makeLink(at, linkname ?? "", options);
      return;
    case "fifo":
    case "character-device":
    case "block-device":
      makeNode(at, DEVICE_MODES[type]! | mode, header.devmajor ?? 0, header.devminor ?? 0);
      return;
    default:
      throw broken(op, `unhandled tar header type ${type}`);
  }
}

/** A hard link to something that the archive brought, or that is in the folder already. */
function makeLink(at: string, linkname: string, options: UntarOptions): void {
  const target = insidePath(options.folder, linkname);
  if (!target) throw invalid(op, `invalid hard link to ${JSON.stringify(linkname)}`);
  const parentFd = openInRoot(options.rootFd, posix.dirname(target), O_PATH | O_DIRECTORY);
  try {
    linkSync(`/proc/self/fd/${parentFd}/${posix.basename(target)}`, at);
  } finally {
    closeSync(parentFd);
  }
}

function ownAndTime(at: string, header: Header, options: EntryOptions): void {
  if (header.type === "link") return;
  const { uid, gid } = ownerOf(header, options);
  lchownSync(at, uid, gid);
  // The name was made by us a moment ago or is a folder; a link's mode cannot be set at all.
  if (header.type === "directory") setFolderMode(at, (header.mode ?? 0o755) & 0o7777);
  else if (header.type !== "symlink" && lstatSync(at).isFIFO()) {
    chmodSync(at, (header.mode ?? 0o644) & 0o7777);
  }
  setXattrs(at, options);
  if (header.mtime && header.type !== "directory") lutimesSync(at, header.mtime, header.mtime);
}

/** After the owner, whose change takes a file's capabilities from it. */
function setXattrs(at: string, { xattrs }: EntryOptions): void {
  for (const [name, value] of xattrs) setXattrIfPossible(at, name, value);
}

function setFolderMode(at: string, mode: number): void {
  const fd = openSync(at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

function setFolderTime(rootFd: number, path: string, mtime: Date): void {
  let fd: number;
  try {
    fd = openInRoot(rootFd, path, O_RDONLY | O_DIRECTORY);
  } catch {
    // A later entry replaced it.
    return;
  }
  try {
    futimesSync(fd, mtime, mtime);
  } finally {
    closeSync(fd);
  }
}
