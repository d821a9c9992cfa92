import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
} from "node:fs";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import { broken } from "../refusals.ts";

const { O_DIRECTORY, O_RDONLY, O_NONBLOCK } = constants;
/** open(2) flag that node:fs does not name. */
const O_PATH = 0o10000000;
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
