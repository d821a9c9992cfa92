import { statfsSync } from "node:fs";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { EventObject, EventRecorder } from "../event/event_recorder.ts";
import type { ImageView, PodRuntime } from "../runtime/pod_runtime.ts";

export interface ImageGcOptions {
  runtime: PodRuntime;
  events: EventRecorder;
  node: EventObject;
  /** Percent of the image file system in use from which images are removed. */
  highPercent: number;
  /** Percent at which removing ends. */
  lowPercent: number;
  /** Images that containers were made from: names, ids or digests. */
  inUse: () => ReadonlySet<string>;
}

/** Images younger than this are kept: somebody pulled them for a container to come. */
const LEAST_AGE_MS = 120_000;

/** An image with when it was first seen and last used, in milliseconds since 1970. */
export interface AgedImage {
  image: ImageView;
  seenMs: number;
  usedMs: number;
}

/**
 * Which images to remove to free so many bytes: unused ones, those first that were not used for
 * longest. Pure.
 */
export function imagesToRemove(
  images: readonly AgedImage[],
  inUse: ReadonlySet<string>,
  freeBytes: number,
  now: number,
): ImageView[] {
  const names = ({ id, tags, digests }: ImageView) => [id, ...tags, ...digests];
  const unused = images.filter(
    ({ image, seenMs }) =>
      !image.pinned && now - seenMs >= LEAST_AGE_MS && !names(image).some((one) => inUse.has(one)),
  );
  unused.sort((a, b) => a.usedMs - b.usedMs || a.seenMs - b.seenMs);
  const chosen: ImageView[] = [];
  let freed = 0;
  for (const { image } of unused) {
    if (freed >= freeBytes) break;
    chosen.push(image);
    freed += image.sizeBytes;
  }
  return chosen;
}

/** Removes unused images when the file system that holds them gets full. */
export class ImageGc {
  readonly #options: ImageGcOptions;
  readonly #ages = new Map<string, { seenMs: number; usedMs: number }>();

  constructor(options: ImageGcOptions) {
    this.#options = options;
  }

  /** One round. Never rejects: what fails is an event of the node. */
  async collect(now = Date.now()): Promise<void> {
    const { events, node } = this.#options;
    try {
      await this.#collect(now);
    } catch (thrown) {
      const { message } = toChainError(thrown, "kubelet", "collect images");
      events.record({ object: node, type: "Warning", reason: "ImageGCFailed", message });
    }
  }

  async #collect(now: number): Promise<void> {
    const { runtime, inUse, highPercent, lowPercent } = this.#options;
    const images = await runtime.listImages();
    const used = inUse();
    const aged = images.map((image) => this.#aged(image, used, now));
    const ids = new Set(images.map(({ id }) => id));
    for (const id of this.#ages.keys()) if (!ids.has(id)) this.#ages.delete(id);
    const excess = Math.max(
      0,
      ...(await runtime.imageFolders()).map((path) => excessBytes(path, highPercent, lowPercent)),
    );
    if (excess === 0) return;
    await this.#remove(imagesToRemove(aged, used, excess, now), excess);
  }

  async #remove(images: ImageView[], excess: number): Promise<void> {
    const { events, node, runtime } = this.#options;
    for (const image of images) {
      await runtime.removeImage(image.id);
      const message = `removed image ${image.tags[0] ?? image.id} (${image.sizeBytes} bytes)`;
      events.record({ object: node, type: "Normal", reason: "ImageRemoved", message });
    }
    const freed = images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (freed >= excess) return;
    const what = "Failed to garbage collect required amount of images";
    const message = `${what}: ${freed} of ${excess} bytes`;
    events.record({ object: node, type: "Warning", reason: "FreeDiskSpaceFailed", message });
  }

  #aged(image: ImageView, used: ReadonlySet<string>, now: number): AgedImage {
    const age = this.#ages.get(image.id) ?? { seenMs: now, usedMs: 0 };
    if ([image.id, ...image.tags, ...image.digests].some((one) => used.has(one))) age.usedMs = now;
    this.#ages.set(image.id, age);
    return { image, ...age };
  }
}

/** How many bytes are used beyond the low mark, if the high one is passed. */
function excessBytes(path: string, highPercent: number, lowPercent: number): number {
  const { blocks, bavail, bsize } = statfsSync(path);
  const usedPercent = 100 - (bavail / blocks) * 100;
  return usedPercent < highPercent ? 0 : ((usedPercent - lowPercent) / 100) * blocks * bsize;
}
