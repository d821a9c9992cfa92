import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
} from "node:fs";
import { posix } from "node:path";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import { broken } from "../refusals.ts";

const { O_DIRECTORY, O_RDONLY, O_NONBLOCK } = constants;
/** open(2) flag that node:fs does not name. */
const O_PATH = 0o10000000;
/** As many links in one path as the kernel follows. */
const MAX_LINKS = 40;
/** No passwd file is larger; a container may put anything there. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** Opens a container's root folder, to resolve paths in. Close it after use. */
export function openRoot(rootfs: string): number {
  return openSync(rootfs, O_PATH | O_DIRECTORY);
}

/** Runs `work` with the opened root folder. */
export function withRoot<T>(rootfs: string, work: (rootFd: number) => T): T {
  const fd = openRoot(rootfs);
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

/** A text file of the container; "" when there is none, or when it is no regular file. */
export function readRootedText(rootFd: number, path: string): string {
  let fd: number;
  try {
    fd = openInRoot(rootFd, path, O_RDONLY | O_NONBLOCK);
  } catch {
    return "";
  }
  try {
    const stats = fstatSync(fd);
    return stats.isFile() && stats.size <= MAX_FILE_BYTES ? readFileSync(fd, "utf8") : "";
  } finally {
    closeSync(fd);
  }
}

/**
 * Where a path inside the root leads when its links are followed, the last one and those that lead
 * nowhere too; names that are not there yet stay as they are. A slash at the end is kept.
 */
export function throughLinks(rootFd: number, path: string): string {
  const waiting = path.split("/").reverse();
  let done = "/";
  for (let links = 0; waiting.length > 0; ) {
    const part = waiting.pop()!;
    if (part === "" || part === ".") continue;
    const next = posix.join(done, part);
    const target = part === ".." ? undefined : linkAt(rootFd, next);
    if (target === undefined) {
      done = next;
      continue;
    }
    if (++links > MAX_LINKS) throw broken("follow links", `${path}: too many links`);
    if (target.startsWith("/")) done = "/";
    waiting.push(...target.split("/").reverse());
  }
  return path.endsWith("/") && done !== "/" ? `${done}/` : done;
}

/** What a link inside the root says; undefined for anything else. */
function linkAt(rootFd: number, path: string): string | undefined {
  let fd: number;
  try {
    fd = openInRoot(rootFd, posix.dirname(path), O_PATH | O_DIRECTORY);
  } catch {
    return undefined;
  }
  try {
    return readlinkSync(`/proc/self/fd/${fd}/${posix.basename(path)}`);
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** Makes a folder and its parents inside the root, owned by `uid:gid` where they are made. */
export function makeRootedFolder(rootFd: number, path: string, uid: number, gid: number): void {
  let made = "";
  for (const part of path.split("/").filter((name) => name !== "" && name !== ".")) {
    const parent = made || "/";
    made = `${made}/${part}`;
    try {
      closeSync(openInRoot(rootFd, made, O_PATH | O_DIRECTORY));
      continue;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "ENOTDIR")
        throw broken("make folder", `Cannot mkdir: ${path} is not a directory`);
      if (code !== "ENOENT") throw error;
    }
    if (part === "..") return;
    const parentFd = openInRoot(rootFd, parent, O_PATH | O_DIRECTORY);
    try {
      // The parent is held by its descriptor: what it is named by now does not matter.
      mkdirSync(`/proc/self/fd/${parentFd}/${part}`, { mode: 0o755 });
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
      throw broken("make folder", `Cannot mkdir: ${path}: ${made} is a link that leads nowhere`);
    } finally {
      closeSync(parentFd);
    }
    const fd = openInRoot(rootFd, made, O_RDONLY | O_DIRECTORY);
    try {
      fchownSync(fd, uid, gid);
    } finally {
      closeSync(fd);
    }
  }
}
