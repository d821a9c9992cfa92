import type { CallContext } from "#lib/rpc/service.ts";
import type { Filters } from "#wire/docker-api/engine.ts";
import type { BuildPruned, ImageRemoved, ImagesPruned } from "#wire/docker-api/types/image.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, flagFilter, matchesLabels } from "../filters.ts";
import type { NamedImage } from "../images/image_store.ts";
import { removeQuietly } from "./image_remove.ts";
import { layerBytes } from "./image_usage.ts";
import { pruneUntil } from "./prune_time.ts";

/** POST /images/prune: nameless ones; with dangling=false every one that no container uses. */
export async function imagePrune(
  daemon: Daemon,
  filters: Filters,
  context: CallContext,
): Promise<ImagesPruned> {
  checkFilters(filters, ["dangling", "label", "label!", "until"]);
  const call = daemon.call(context);
  const all = await daemon.images.list(call);
  const parents = new Set(all.map(({ image }) => image.parent));
  const before = await layerBytes(daemon, call);
  const deleted: ImageRemoved[] = [];
  for (const named of all) {
    // A step that something was built on goes with the last of those.
    if (parents.has(named.image.id) || !isWanted(named, filters)) continue;
    if (daemon.containers.all().some(({ record }) => record.imageId === named.image.id)) continue;
    deleted.push(...(await removeQuietly(daemon, named.image, context)));
  }
  const SpaceReclaimed = Math.max(0, before - (await layerBytes(daemon, call)));
  daemon.events.pruned("image", SpaceReclaimed);
  return { ImagesDeleted: deleted, SpaceReclaimed };
}

/** POST /build/prune: steps of builds are images, which images/prune removes. */
export async function buildPrune(daemon: Daemon): Promise<BuildPruned> {
  daemon.events.pruned("builder", 0);
  return { CachesDeleted: null, SpaceReclaimed: 0 };
}

function isWanted({ image, names }: NamedImage, filters: Filters): boolean {
  const until = pruneUntil(filters);
  const labels = image.config.config?.Labels;
  const danglingOnly = flagFilter(filters, "dangling") ?? true;
  if (danglingOnly && names.length > 0) return false;
  if (until !== undefined && Date.parse(image.config.created ?? "") > until) return false;
  if (!matchesLabels(labels, filters["label"] ?? [])) return false;
  return !(filters["label!"] ?? []).some((label) => matchesLabels(labels, [label]));
}
