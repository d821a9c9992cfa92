import type { CallContext } from "#lib/rpc/service.ts";
import type { Filters } from "#wire/docker-api/engine.ts";
import type { ImageHistoryItem, ImageInspect, ImageSummary } from "#wire/docker-api/types/image.ts";
import type { Daemon } from "../daemon.ts";
import { checkFilters, flagFilter, matchesLabels } from "../filters.ts";
import type { NamedImage } from "../images/image_store.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { familiarName, repoTagName } from "../images/reference.ts";
import { invalid } from "../refusals.ts";
import { ZERO_TIME } from "../wall_clock.ts";
import { pruneUntil } from "./prune_time.ts";

const KNOWN = ["before", "dangling", "label", "reference", "since", "until"];

/** Names of an image as docker lists them: with tags, and with digests. */
function repoNames(names: readonly string[]): { tags: string[]; digests: string[] } {
  const tags: string[] = [];
  const digests: string[] = [];
  for (const name of names) (name.includes("@") ? digests : tags).push(familiarName(name));
  return { tags: tags.sort(), digests: digests.sort() };
}

const secondsOf = (time: string | undefined) =>
  time ? Math.floor(Date.parse(time) / 1000) || 0 : 0;

/** GET /images/json */
export async function imageList(
  daemon: Daemon,
  options: { all: boolean; filters: Filters; digests: boolean },
  context: CallContext,
): Promise<ImageSummary[]> {
  const { filters } = options;
  checkFilters(filters, KNOWN);
  const call = daemon.call(context);
  const all = await daemon.images.list(call);
  const bounds = await ageBounds(daemon, filters, call);
  const parents = new Set(all.map(({ image }) => image.parent));
  const out: ImageSummary[] = [];
  for (const named of all) {
    if (!matches(named, filters, bounds)) continue;
    // Steps of builds are shown on demand only.
    const isStep = named.names.length === 0 && parents.has(named.image.id);
    if (isStep && !options.all) continue;
    const size = await daemon.images.size(named.image, call);
    const { tags, digests } = repoNames(matchingNames(named, filters));
    out.push({
      Id: named.image.id,
      ParentId: named.image.parent,
      RepoTags: tags,
      RepoDigests: digests,
      Created: secondsOf(named.image.config.created),
      Size: size,
      SharedSize: -1,
      VirtualSize: size,
      Labels: named.image.config.config?.Labels ?? null,
      Containers: -1,
    });
  }
  return out;
}

async function ageBounds(daemon: Daemon, filters: Filters, call: CallContext) {
  const created = async (name: string | undefined) =>
    name === undefined
      ? undefined
      : secondsOf((await daemon.images.find(name, call)).config.created);
  return {
    before: await created(filters["before"]?.[0]),
    since: await created(filters["since"]?.[0]),
  };
}

function matches(
  named: NamedImage,
  filters: Filters,
  bounds: { before: number | undefined; since: number | undefined },
): boolean {
  const created = secondsOf(named.image.config.created);
  const dangling = flagFilter(filters, "dangling");
  if (dangling !== undefined && (named.names.length === 0) !== dangling) return false;
  if (bounds.before !== undefined && created >= bounds.before) return false;
  if (bounds.since !== undefined && created <= bounds.since) return false;
  const until = pruneUntil(filters);
  if (until !== undefined && created * 1000 > until) return false;
  if (!matchesLabels(named.image.config.config?.Labels, filters["label"] ?? [])) return false;
  return !filters["reference"] || matchingNames(named, filters).length > 0;
}

function matchingNames(named: NamedImage, filters: Filters): string[] {
  const patterns = filters["reference"];
  if (!patterns) return named.names;
  return named.names.filter((name) => patterns.some((pattern) => matchesPattern(name, pattern)));
}

/** `reference=busy*` and `busybox:1.*`: shell patterns on the short name. */
export function matchesPattern(name: string, pattern: string): boolean {
  const short = familiarName(name);
  const bare = short.replace(/:[^:/]*$/, "");
  const source = pattern
    .split(/(\*|\?)/)
    .map((part) =>
      part === "*" ? "[^/]*" : part === "?" ? "[^/]" : part.replace(/[.+^${}()|[\]\\]/g, "\\$&"),
    )
    .join("");
  const regex = new RegExp(`^${source}$`);
  return regex.test(short) || regex.test(bare) || regex.test(name);
}

/** GET /images/NAME/json */
export async function imageInspect(
  daemon: Daemon,
  name: string,
  context: CallContext,
): Promise<ImageInspect> {
  const call = daemon.call(context);
  const image = await daemon.images.find(name, call);
  const named = (await daemon.images.list(call)).find((item) => item.image.id === image.id);
  const size = await daemon.images.size(image, call);
  const { tags, digests } = repoNames(named?.names ?? []);
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: tags,
    RepoDigests: digests,
    Parent: image.parent,
    Comment: config.comment ?? config.history?.at(-1)?.comment ?? "",
    Created: config.created ?? ZERO_TIME,
    DockerVersion: config.docker_version ?? "",
    Author: config.author ?? "",
    Config: config.config ?? {},
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    Size: size,
    VirtualSize: size,
    GraphDriver: { Name: daemon.images.snapshotter, Data: null },
    RootFS: { Type: "layers", Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: named?.tagged.toISOString() ?? ZERO_TIME },
  };
}

/** GET /images/NAME/history: newest first. Entries have ids as far as the steps were done here. */
export async function imageHistory(
  daemon: Daemon,
  name: string,
  context: CallContext,
): Promise<ImageHistoryItem[]> {
  const call = daemon.call(context);
  const image = await daemon.images.find(name, call);
  const all = await daemon.images.list(call);
  const out: ImageHistoryItem[] = [];
  let layer = 0;
  for (const item of image.config.history ?? []) {
    const chain = item.empty_layer ? undefined : image.chainIds[layer++];
    out.unshift({
      Id: "<missing>",
      Created: secondsOf(item.created),
      CreatedBy: item.created_by ?? "",
      Tags: null,
      Size: chain ? await daemon.images.snapshotSize(chain, call).catch(() => 0) : 0,
      Comment: item.comment ?? "",
    });
  }
  const byId = new Map(all.map((item) => [item.image.id, item]));
  let step: NamedImage | undefined = byId.get(image.id);
  for (const entry of out) {
    if (!step) break;
    const { tags } = repoNames(step.names);
    Object.assign(entry, { Id: step.image.id, Tags: tags.length > 0 ? tags : null });
    step = byId.get(step.image.parent);
  }
  return out;
}

/** POST /images/NAME/tag */
export async function imageTag(
  daemon: Daemon,
  name: string,
  repo: string,
  tag: string,
  context: CallContext,
): Promise<void> {
  const call = daemon.call(context);
  const full = repoTagName(repo, tag);
  if (!full) throw invalid("tag image", "invalid reference format: repo is empty");
  const image = await daemon.images.find(name, call);
  await daemon.images.name(full, await targetOf(daemon, image, call), call);
  daemon.events.publish("image", "tag", image.id, { name: familiarName(full) });
}

/** What names of this image point to. */
async function targetOf(daemon: Daemon, image: LoadedImage, call: CallContext) {
  const { images } = await daemon.services.images.list({ filters: [] }, call);
  for (const { target } of images) {
    if (!target) continue;
    const loaded = await daemon.images
      .load(target.digest, target.mediaType, call)
      .catch(() => undefined);
    if (loaded?.id === image.id) {
      return { mediaType: target.mediaType, digest: target.digest, size: Number(target.size) };
    }
  }
  throw invalid("tag image", `image ${image.id} has gone`);
}
