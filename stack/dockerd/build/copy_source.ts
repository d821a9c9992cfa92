import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { posix } from "node:path";
import { hasWildcard, pathPattern } from "#lib/build_context/path_pattern.ts";
import { failure } from "#lib/errors/chain_error.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import { invalid } from "../refusals.ts";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;
const READ_BYTES = 1024 * 1024;
const MAX_DEPTH = 400;
/** Most names that are looked at for one wildcard. */
const MAX_NAMES = 1_000_000;

/** One thing to copy: a path below a root that was opened. */
export interface CopySource {
  rootFd: number;
  /** Relative to the root; "" for the root itself. */
  path: string;
  isFolder: boolean;
  /** `file:HEX` or `dir:HEX`: same content, names and modes give the same. */
  hash: string;
  /** Data from the network is never unpacked. */
  fromUrl?: boolean;
}

/** Finds what a source of COPY or ADD means below a root. Throws when it is nothing. */
export function findSources(rootFd: number, source: string, fromImage: boolean): CopySource[] {
  const clean = posix.normalize(source.replace(/^\/+/, ""));
  if (!fromImage && (clean === ".." || clean.startsWith("../"))) {
    throw invalid("build", `forbidden path outside the build context: ${source} ()`);
  }
  const path = posix.join("/", clean).slice(1).replace(/\/$/, "");
  if (!hasWildcard(path)) return [readSource(rootFd, path, fromImage)];
  return wildcardPaths(rootFd, path)
    .sort()
    .map((name) => readSource(rootFd, name, fromImage));
}

function readSource(rootFd: number, path: string, fromImage: boolean): CopySource {
  let fd: number;
  try {
    fd = openInRoot(rootFd, `/${path}`, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    const words = `stat ${path}: file does not exist`;
    throw failure({
      layer: "dockerd",
      op: "build",
      code: "not_found",
      message: fromImage
        ? words
        : `file not found in build context or excluded by .dockerignore: ${words}`,
    });
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isDirectory() && !stats.isFile()) {
      throw invalid("build", `${path} is neither a file nor a folder`);
    }
    const isFolder = stats.isDirectory();
    const hash = createHash("sha256");
    if (isFolder) hashFolder(hash, fd, "", 0);
    else hashFile(hash, fd, posix.basename(path), stats.mode);
    return { rootFd, path, isFolder, hash: `${isFolder ? "dir" : "file"}:${hash.digest("hex")}` };
  } finally {
    closeSync(fd);
  }
}

function hashFolder(hash: Hash, folderFd: number, prefix: string, depth: number): void {
  if (depth > MAX_DEPTH) throw invalid("build", `folders too deep at ${prefix}`);
  for (const name of readdirSync(`/proc/self/fd/${folderFd}`).sort()) {
    const at = `/proc/self/fd/${folderFd}/${name}`;
    const shown = `${prefix}/${name}`;
    const stats = lstatSync(at);
    if (stats.isSymbolicLink()) hash.update(`l\0${shown}\0${readlinkSync(at)}\0`);
    else if (stats.isFile() || stats.isDirectory()) {
      const fd = openSync(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        if (stats.isFile()) hashFile(hash, fd, shown, stats.mode);
        else {
          hash.update(`d\0${shown}\0${stats.mode & 0o7777}\0`);
          hashFolder(hash, fd, shown, depth + 1);
        }
      } finally {
        closeSync(fd);
      }
    } else hash.update(`s\0${shown}\0${stats.mode}\0${stats.rdev}\0`);
  }
}

function hashFile(hash: Hash, fd: number, shown: string, mode: number): void {
  hash.update(`f\0${shown}\0${mode & 0o7777}\0${fstatSync(fd).size}\0`);
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (;;) {
    const bytes = readSync(fd, buffer, 0, buffer.length, null);
    if (bytes === 0) return;
    hash.update(buffer.subarray(0, bytes));
  }
}

/** All paths below a root that match; links are matched, never followed. */
function wildcardPaths(rootFd: number, pattern: string): string[] {
  const regex = pathPattern(pattern, false);
  if (!regex) throw invalid("build", `syntax error in pattern: ${pattern}`);
  const deepest = pattern.split("/").length;
  const out: string[] = [];
  let seen = 0;
  const walk = (folder: string, depth: number): void => {
    const fd = openInRoot(rootFd, `/${folder}`, O_RDONLY | O_DIRECTORY);
    try {
      for (const name of readdirSync(`/proc/self/fd/${fd}`)) {
        if (++seen > MAX_NAMES) throw invalid("build", `too many files for ${pattern}`);
        const path = folder === "" ? name : `${folder}/${name}`;
        if (regex.test(path)) out.push(path);
        const deeper = depth < deepest && lstatSync(`/proc/self/fd/${fd}/${name}`).isDirectory();
        if (deeper) walk(path, depth + 1);
      }
    } finally {
      closeSync(fd);
    }
  };
  walk("", 1);
  return out;
}
