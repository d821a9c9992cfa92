import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import type { Daemon } from "../daemon.ts";
import type { ImageConfig, LoadedImage } from "../images/image_types.ts";
import { isNotFound } from "../images/registry_words.ts";

type HistoryItem = NonNullable<ImageConfig["history"]>[number];

/** Images that `--cache-from` names. Those that are not here are passed over, as by dockerd. */
export async function cacheSources(
  daemon: Daemon,
  names: readonly string[],
  call: CallContext,
): Promise<LoadedImage[]> {
  const out: LoadedImage[] = [];
  for (const name of names) {
    try {
      out.push(await daemon.images.find(name, call));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return out;
}

/** A step that a source's history has: what comes of it, as far as that image tells. */
export interface SourcedStep {
  source: LoadedImage;
  item: HistoryItem;
  /** It is the source's last: the source is what the step makes. */
  isLast: boolean;
}

/**
 * Finds a step in the histories of images that were built elsewhere: the image so far must be where
 * the source began, and the source's next step must do the same.
 */
export function sourcedStep(
  sources: readonly LoadedImage[],
  parent: LoadedImage | undefined,
  stepConfig: ContainerConfig,
): SourcedStep | undefined {
  const done = parent?.config.history ?? [];
  const wanted = (stepConfig.Cmd ?? []).join(" ");
  for (const source of sources) {
    const history = source.config.history ?? [];
    const item = history[done.length];
    if (item?.created_by !== wanted || !beganLike(source, parent)) continue;
    return { source, item, isLast: history.length === done.length + 1 };
  }
  return undefined;
}

function beganLike(source: LoadedImage, parent: LoadedImage | undefined): boolean {
  if (!parent) return true;
  const history = source.config.history ?? [];
  const layers = source.config.rootfs.diff_ids;
  return (
    (parent.config.history ?? []).every((item, at) => sameItem(item, history[at])) &&
    parent.config.rootfs.diff_ids.every((diffId, at) => diffId === layers[at])
  );
}

const sameItem = (a: HistoryItem, b: HistoryItem | undefined) =>
  b !== undefined &&
  a.created === b.created &&
  a.created_by === b.created_by &&
  (a.empty_layer ?? false) === (b.empty_layer ?? false);

/** Whether an image is a source, or a step on the way to one. */
export function leadsToSource(
  all: readonly LoadedImage[],
  sources: readonly LoadedImage[],
  image: LoadedImage,
): boolean {
  const parents = new Map(all.map(({ id, parent }) => [id, parent]));
  return sources.some(({ id }) => {
    // Each step has one parent, and none is its own ancestor: the map bounds the walk.
    for (let at: string | undefined = id, left = parents.size; at && left >= 0; left--) {
      if (at === image.id) return true;
      at = parents.get(at);
    }
    return false;
  });
}
