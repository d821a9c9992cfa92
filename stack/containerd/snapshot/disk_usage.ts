import { type Dirent, lstatSync } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";

export interface DiskUsage {
  /** Bytes on disk, hard links counted once. */
  size: number;
  inodes: number;
}

const BLOCK_BYTES = 512;

/** Measures a tree without following links. What vanishes meanwhile is not counted. */
export async function diskUsage(root: string): Promise<DiskUsage> {
  const seen = new Set<number>();
  const usage: DiskUsage = { size: 0, inodes: 0 };
  const count = (path: string): void => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat || seen.has(stat.ino)) return;
    if (stat.nlink > 1 && !stat.isDirectory()) seen.add(stat.ino);
    usage.inodes++;
    usage.size += stat.blocks * BLOCK_BYTES;
  };
  count(root);
  const pending = [root];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await readFolder(folder)) {
      const path = join(folder, entry.name);
      count(path);
      if (entry.isDirectory()) pending.push(path);
    }
  }
  return usage;
}

async function readFolder(path: string): Promise<Dirent[]> {
  const entries: Dirent[] = [];
  try {
    for await (const entry of await opendir(path)) entries.push(entry);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return entries;
}
