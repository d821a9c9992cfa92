import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { upperFolder } from "./container_layers.ts";

/** Most files that are counted for a container's size. */
const MAX_FILES = 1_000_000;

/** Bytes that a container wrote, and those with its image's. */
export async function containerSizes(
  daemon: Daemon,
  container: Container,
  context: CallContext,
): Promise<{ SizeRw: number; SizeRootFs: number }> {
  const call = daemon.call(context);
  const written = await writtenBytes(daemon, container, context);
  const { imageId } = container.record;
  const image = await daemon.images.find(imageId, call).catch(() => undefined);
  const base = image ? await daemon.images.size(image, call) : 0;
  return { SizeRw: written, SizeRootFs: base + written };
}

/**
 * Bytes of the files that a container made or changed. Folders count nothing, as dockerd has it;
 * where the layer is no folder of its own, what the snapshotter says of it.
 */
export async function writtenBytes(
  daemon: Daemon,
  container: Container,
  context: CallContext,
): Promise<number> {
  const call = daemon.call(context);
  const upper = await upperFolder(daemon, container, call);
  if (upper !== undefined) return fileBytes(upper);
  const { snapshotter } = container.record;
  const usage = await daemon.services.snapshots.usage({ snapshotter, key: container.id }, call);
  return Number(usage.size);
}

/** Bytes of the files below a folder, each inode once. What goes meanwhile counts nothing. */
function fileBytes(folder: string): number {
  const seen = new Set<number>();
  const pending = [folder];
  let bytes = 0;
  while (pending.length > 0 && seen.size < MAX_FILES) {
    const current = pending.pop()!;
    for (const entry of entriesOf(current)) {
      const path = join(current, entry.name);
      if (entry.isDirectory()) {
        pending.push(path);
        continue;
      }
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (!stats || seen.has(stats.ino)) continue;
      seen.add(stats.ino);
      bytes += stats.size;
    }
  }
  return bytes;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
