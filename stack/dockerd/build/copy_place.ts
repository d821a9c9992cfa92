import { closeSync, constants, fstatSync } from "node:fs";
import { posix } from "node:path";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { tarContent, tarFile } from "../archive/tar_tree.ts";
import { untar } from "../archive/untar_tree.ts";
import { decompressed } from "../images/decompress.ts";
import { TarWalk } from "../images/tar_walk.ts";
import { invalid } from "../refusals.ts";
import { makeRootedFolder } from "../rootfs/rooted_files.ts";
import type { CopySource } from "./copy_source.ts";
import { fileStream } from "./file_stream.ts";

const { O_RDONLY, O_DIRECTORY, O_NONBLOCK } = constants;
const TAR_BLOCK = 512;

export interface CopyTarget {
  rootFd: number;
  /** Absolute; with a slash at its end it is a folder whether it is there or not. */
  path: string;
  /** Undefined: what is copied keeps its own. */
  owner: { uid: number; gid: number } | undefined;
  /** ADD: archives are unpacked. */
  unpacks: boolean;
}

/** Where COPY and ADD put things, as the working folder has it. A slash at the end stays. */
export function destinationOf(workingDir: string | null | undefined, wanted: string): string {
  const path = posix.resolve("/", workingDir ?? "", wanted);
  const isFolder = wanted.endsWith("/") || wanted === "." || wanted.endsWith("/.");
  return isFolder && path !== "/" ? `${path}/` : path;
}

/** Copies one source to its place in a root. What is there is kept or replaced, name by name. */
export async function placeSource(source: CopySource, target: CopyTarget): Promise<void> {
  const { rootFd, path } = target;
  const { uid, gid } = target.owner ?? { uid: 0, gid: 0 };
  const fd = openInRoot(source.rootFd, `/${source.path}`, O_RDONLY | O_NONBLOCK);
  let handedOver = false;
  try {
    if (source.isFolder) {
      makeRootedFolder(rootFd, path, uid, gid);
      handedOver = true;
      await extract(tarContent(fd, ""), path, target, true);
      return;
    }
    if (target.unpacks && !source.fromUrl && (await isArchive(fd))) {
      makeRootedFolder(rootFd, path, 0, 0);
      await extract(fileStream(fd), path, target, false);
      return;
    }
    const intoFolder = path.endsWith("/") || isFolderAt(rootFd, path);
    const name = posix.basename(intoFolder ? source.path : path);
    const folder = intoFolder ? path : posix.dirname(path);
    makeRootedFolder(rootFd, folder, uid, gid);
    handedOver = true;
    await extract(tarFile(fd, name), folder, target, true);
  } finally {
    if (!handedOver) closeSync(fd);
  }
}

async function extract(
  tar: ByteStream,
  folder: string,
  { rootFd, owner }: CopyTarget,
  owned: boolean,
): Promise<void> {
  const options = { rootFd, folder, noOverwriteDirNonDir: false };
  try {
    await untar(tar, owned && owner ? { ...options, owner, dropsSetId: true } : options);
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (code !== "ENOTDIR" && code !== "EEXIST") throw error;
    throw invalid("build", `failed to copy files: ${folder} is in the way: it is no folder`);
  }
}

function isFolderAt(rootFd: number, path: string): boolean {
  try {
    closeSync(openInRoot(rootFd, path, O_RDONLY | O_DIRECTORY));
    return true;
  } catch {
    return false;
  }
}

/** Whether a file is a tar, compressed or not: its first header says it. */
async function isArchive(fd: number): Promise<boolean> {
  if (fstatSync(fd).size === 0) return false;
  let head = Buffer.alloc(0);
  try {
    for await (const part of decompressed(fileStream(fd))) {
      head = Buffer.concat([head, part]);
      if (head.length >= TAR_BLOCK) break;
    }
    if (head.length < TAR_BLOCK || head.subarray(0, TAR_BLOCK).every((byte) => byte === 0)) {
      return false;
    }
    new TarWalk().push(head.subarray(0, TAR_BLOCK));
    return true;
  } catch {
    return false;
  }
}
