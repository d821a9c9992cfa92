import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Filters } from "#wire/docker-api/engine.ts";
import type { ImageRemoved, ImagesPruned } from "#wire/docker-api/types/image.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, flagFilter, matchesLabels } from "../filters.ts";
import { isDangling } from "../images/image_store.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { forgetInitLayers } from "../images/init_layer.ts";
import { familiarName, fullName, parseReference } from "../images/reference.ts";
import { conflict } from "../refusals.ts";
import { pruneUntil } from "./prune_time.ts";

/** DELETE /images/NAME: a name goes; with the last one the image. */
export async function imageRemove(
  daemon: Daemon,
  name: string,
  options: { force: boolean; noPrune: boolean },
  context: CallContext,
): Promise<ImageRemoved[]> {
  const call = daemon.call(context);
  const image = await daemon.images.find(name, call);
  const names = await recordNames(daemon, image, call);
  const byId = image.id.startsWith(name.startsWith("sha256:") ? name : `sha256:${name}`);
  const wanted = byId ? undefined : fullName(parseReference(name));
  const visible = names.filter((item) => !isDangling(item));
  if (byId && visible.length > 1 && !options.force) {
    throw conflict(
      "remove image",
      `conflict: unable to delete ${shortId(image.id)} (must be forced) - image is ` +
        "referenced in multiple repositories",
    );
  }
  const untag = wanted && visible.length > 1 ? [wanted] : names;
  const last = untag.length === names.length;
  if (last) checkUnused(daemon, image, wanted && name, options.force);
  const out: ImageRemoved[] = [];
  for (const [index, item] of untag.entries()) {
    await daemon.images.unname(item, last && index === untag.length - 1, call);
    if (isDangling(item)) continue;
    out.push({ Untagged: familiarName(item) });
    daemon.events.publish("image", "untag", image.id, { name: image.id });
  }
  if (!last) return out;
  forgetInitLayers(daemon);
  out.push({ Deleted: image.id });
  const used = await usedChains(daemon, call);
  for (const chain of [...image.chainIds].reverse()) {
    if (!used.has(chain)) out.push({ Deleted: chain });
  }
  daemon.events.publish("image", "delete", image.id, { name: image.id });
  return out;
}

const shortId = (id: string) => id.replace("sha256:", "").slice(0, 12);

/** All names under which containerd keeps an image, those of nameless ones too. */
async function recordNames(
  daemon: Daemon,
  image: LoadedImage,
  call: CallContext,
): Promise<string[]> {
  const { images } = await daemon.services.images.list({ filters: [] }, call);
  const out: string[] = [];
  for (const record of images) {
    const { digest = "", mediaType = "" } = record.target ?? {};
    const loaded = await daemon.images.load(digest, mediaType, call).catch(() => undefined);
    if (loaded?.id === image.id) out.push(record.name);
  }
  return out;
}

async function usedChains(daemon: Daemon, call: CallContext): Promise<Set<string>> {
  const used = new Set<string>();
  for (const { image } of await daemon.images.list(call)) {
    for (const chain of image.chainIds) used.add(chain);
  }
  return used;
}

function checkUnused(
  daemon: Daemon,
  image: LoadedImage,
  name: string | undefined,
  force: boolean,
): void {
  const users = daemon.containers.all().filter(({ record }) => record.imageId === image.id);
  const running = users.find(({ record }) => record.state.running);
  const any = running ?? users[0];
  if (!any) return;
  const op = "remove image";
  const container = any.id.slice(0, 12);
  if (running && !name) {
    throw conflict(
      op,
      `conflict: unable to delete ${shortId(image.id)} (cannot be forced) - image is ` +
        `being used by running container ${container}`,
    );
  }
  if (force) return;
  throw conflict(
    op,
    name
      ? `conflict: unable to remove repository reference ${JSON.stringify(name)} (must ` +
          `force) - container ${container} is using its referenced image ${shortId(image.id)}`
      : `conflict: unable to delete ${shortId(image.id)} (must be forced) - image is being ` +
          `used by stopped container ${container}`,
  );
}

/** POST /images/prune: nameless ones; with dangling=false every one that no container uses. */
export async function imagePrune(
  daemon: Daemon,
  filters: Filters,
  context: CallContext,
): Promise<ImagesPruned> {
  checkFilters(filters, ["dangling", "label", "label!", "until"]);
  const danglingOnly = flagFilter(filters, "dangling") ?? true;
  const until = pruneUntil(filters);
  const call = daemon.call(context);
  const deleted: ImageRemoved[] = [];
  let reclaimed = 0;
  for (const { image, names } of await daemon.images.list(call)) {
    const labels = image.config.config?.Labels;
    if (danglingOnly && names.length > 0) continue;
    if (until !== undefined && Date.parse(image.config.created ?? "") > until) continue;
    if (!matchesLabels(labels, filters["label"] ?? [])) continue;
    if ((filters["label!"] ?? []).some((label) => matchesLabels(labels, [label]))) continue;
    if (daemon.containers.all().some(({ record }) => record.imageId === image.id)) continue;
    const size = await daemon.images.size(image, call);
    try {
      const options = { force: true, noPrune: false };
      deleted.push(...(await imageRemove(daemon, image.id, options, context)));
      reclaimed += size;
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
    }
  }
  return { ImagesDeleted: deleted, SpaceReclaimed: reclaimed };
}
