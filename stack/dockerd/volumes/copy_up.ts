import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { makeNode } from "#lib/linux/mount.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import { deviceMajor, deviceMinor } from "../archive/file_mode.ts";

const { O_RDONLY, O_DIRECTORY } = constants;

/**
 * Fills a new, empty volume with what the image has at the place where it is mounted, owners and
 * modes included. The container does not run yet: nobody changes the tree meanwhile.
 */
export function copyUp(rootFd: number, place: string, volume: string): void {
  if (readdirSync(volume).length > 0) return;
  let fd: number;
  try {
    fd = openInRoot(rootFd, place, O_RDONLY | O_DIRECTORY);
  } catch {
    // The image has nothing there.
    return;
  }
  try {
    const { uid, gid, mode } = fstatSync(fd);
    copyFolder(`/proc/self/fd/${fd}`, volume);
    lchownSync(volume, uid, gid);
    chmodSync(volume, mode & 0o7777);
  } finally {
    closeSync(fd);
  }
}

function copyFolder(from: string, to: string): void {
  for (const name of readdirSync(from)) copyEntry(join(from, name), join(to, name));
}

function copyEntry(from: string, to: string): void {
  const stats = lstatSync(from);
  if (stats.isSymbolicLink()) {
    symlinkSync(readlinkSync(from), to);
    lchownSync(to, stats.uid, stats.gid);
    return;
  }
  if (stats.isDirectory()) {
    mkdirSync(to);
    copyFolder(from, to);
  } else if (stats.isFile()) copyFileSync(from, to);
  else {
    makeNode(to, stats.mode, deviceMajor(stats.rdev), deviceMinor(stats.rdev));
  }
  lchownSync(to, stats.uid, stats.gid);
  chmodSync(to, stats.mode & 0o7777);
  utimesSync(to, stats.atime, stats.mtime);
}
