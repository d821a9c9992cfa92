import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MS, mount, UMOUNT, unmount } from "#lib/linux/mount.ts";
import { compactLayers, withinFolder } from "#lib/linux/overlay_layers.ts";
import type { RequestMount } from "./layer_target.ts";

/**
 * Shows the tree behind a snapshot's mounts, read-only, while `work` runs. A bind mount needs no
 * mounting; an overlay is mounted on a private temporary folder.
 */
export async function withTree<T>(
  mounts: readonly RequestMount[],
  work: (root: string | undefined) => Promise<T>,
): Promise<T> {
  const [first] = mounts;
  if (!first) return await work(undefined);
  if (first.type === "bind") return await work(first.source);
  const folder = mkdtempSync(join(tmpdir(), "containerd-mount"));
  try {
    const { source, type } = first;
    const layers = compactLayers(lowerOptions(first.options).join(","));
    withinFolder(layers.folder, () => mount(source, folder, type, MS.RDONLY, layers.options));
    try {
      return await work(folder);
    } finally {
      unmount(folder, UMOUNT.DETACH);
    }
  } finally {
    rmdirSync(folder);
  }
}

/** Read-only, the upper folder is just the topmost of the lower ones. */
function lowerOptions(options: readonly string[]): string[] {
  const value = (name: string): string[] => {
    const option = options.find((item) => item.startsWith(`${name}=`));
    return option ? option.slice(name.length + 1).split(":") : [];
  };
  const lower = [...value("upperdir"), ...value("lowerdir")];
  const others = options.filter((item) => !/^(upperdir|workdir|lowerdir)=|^(ro|rw)$/.test(item));
  return [...others, `lowerdir=${lower.join(":")}`];
}
