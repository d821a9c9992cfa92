import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ImageRemoved } from "#wire/docker-api/types/image.ts";
import type { Daemon } from "../daemon.ts";
import { isDangling, type NamedImage } from "../images/image_store.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { forgetInitLayers } from "../images/init_layer.ts";
import { familiarName, fullName, parseReference } from "../images/reference.ts";
import { conflict } from "../refusals.ts";

const op = "remove image";

interface RemoveOptions {
  force: boolean;
  /** Keep parents without a name that no other image was built on. */
  noPrune: boolean;
}

/**
 * DELETE /images/NAME: a name goes; with the last one the image, and with it the steps it was built
 * in, unless others were built on them.
 */
export async function imageRemove(
  daemon: Daemon,
  name: string,
  options: RemoveOptions,
  context: CallContext,
): Promise<ImageRemoved[]> {
  const call = daemon.call(context);
  const image = await daemon.images.find(name, call);
  const out: ImageRemoved[] = [];
  const byId = image.id.startsWith(name.startsWith("sha256:") ? name : `sha256:${name}`);
  const names = (await recordNames(daemon, image, call)).filter((item) => !isDangling(item));
  if (byId) {
    if (isSingleReference(names)) checkUnused(daemon, image, options.force);
    else if (names.length > 1 && !options.force) throw manyNames(image);
    await checkChildren(daemon, image, call);
    if (names.length > 0) checkRunning(daemon, image);
    for (const item of names) await untag(daemon, image, item, out, call);
  } else {
    const wanted = fullName(parseReference(name));
    if (!options.force && isSingleReference(names)) checkUsers(daemon, image, name);
    for (const item of goingWith(wanted, names)) await untag(daemon, image, item, out, call);
    if (goingWith(wanted, names).length < names.length) return out;
  }
  await removeNameless(daemon, image, options, out, call);
  return out;
}

/** At most one tag, with or without the digest under which its repository has it. */
function isSingleReference(names: readonly string[]): boolean {
  if (names.length <= 1) return names.length === 1;
  const tags = names.filter((name) => !name.includes("@"));
  if (tags.length > 1) return false;
  const repositories = new Set(names.map(repositoryOf));
  return repositories.size === 1;
}

const repositoryOf = (name: string) => name.replace(/@.*$|:[^:/]*$/, "");

/** A repository's last tag takes the repository's digests with it. */
function goingWith(wanted: string, names: readonly string[]): string[] {
  if (wanted.includes("@")) return names.filter((name) => name === wanted);
  const repository = repositoryOf(wanted);
  const own = names.filter((name) => repositoryOf(name) === repository);
  const others = own.some((name) => name !== wanted && !name.includes("@"));
  return others ? [wanted] : [wanted, ...own.filter((name) => name !== wanted)];
}

async function untag(
  daemon: Daemon,
  image: LoadedImage,
  name: string,
  out: ImageRemoved[],
  call: CallContext,
): Promise<void> {
  // Under a name of our own it stays whole until it is known whether the image goes too.
  const { info } = await daemon.services.content.info({ digest: image.manifestDigest }, call);
  await daemon.images.nameless(
    {
      mediaType: image.manifest.mediaType ?? "",
      digest: image.manifestDigest,
      size: Number(info?.size ?? 0n),
    },
    call,
  );
  await daemon.images.unname(name, false, call);
  out.push({ Untagged: familiarName(name) });
  daemon.events.publish("image", "untag", image.id, { name: image.id });
}

/** Removes an image that has no name any more, then its parents that nothing else needs. */
async function removeNameless(
  daemon: Daemon,
  image: LoadedImage,
  options: RemoveOptions,
  out: ImageRemoved[],
  call: CallContext,
): Promise<void> {
  const users = usersOf(daemon, image);
  if (users.some(({ record }) => record.state.running)) return;
  if (users.length > 0 && !options.force) return;
  if ((await childrenOf(daemon, image, call)).length > 0) return;
  for (let next: LoadedImage | undefined = image; next; ) {
    const going: LoadedImage = next;
    const names = await recordNames(daemon, going, call);
    for (const [at, name] of names.entries()) {
      await daemon.images.unname(name, at === names.length - 1, call);
    }
    forgetInitLayers(daemon);
    out.push({ Deleted: going.id });
    const used = await usedChains(daemon, call);
    for (const chain of [...going.chainIds].reverse()) {
      const told = out.some(({ Deleted }) => Deleted === chain);
      if (!used.has(chain) && !told) out.push({ Deleted: chain });
    }
    daemon.events.publish("image", "delete", going.id, { name: going.id });
    next = options.noPrune ? undefined : await prunableParent(daemon, going, call);
  }
}

async function prunableParent(
  daemon: Daemon,
  image: LoadedImage,
  call: CallContext,
): Promise<LoadedImage | undefined> {
  if (image.parent === "") return undefined;
  const all = await daemon.images.list(call);
  const parent = all.find((item) => item.image.id === image.parent);
  if (!parent || parent.names.length > 0 || isUsed(daemon, parent.image)) return undefined;
  return all.some((item) => item.image.parent === parent.image.id) ? undefined : parent.image;
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
  return out.sort((a, b) => Number(a.includes("@")) - Number(b.includes("@")));
}

async function usedChains(daemon: Daemon, call: CallContext): Promise<Set<string>> {
  const used = new Set<string>();
  for (const { image } of await daemon.images.list(call)) {
    for (const chain of image.chainIds) used.add(chain);
  }
  return used;
}

async function childrenOf(
  daemon: Daemon,
  image: LoadedImage,
  call: CallContext,
): Promise<NamedImage[]> {
  return (await daemon.images.list(call)).filter((item) => item.image.parent === image.id);
}

const usersOf = (daemon: Daemon, image: LoadedImage) =>
  daemon.containers.all().filter(({ record }) => record.imageId === image.id);

const isUsed = (daemon: Daemon, image: LoadedImage) => usersOf(daemon, image).length > 0;

const manyNames = (image: LoadedImage) =>
  conflict(
    op,
    `conflict: unable to delete ${shortId(image.id)} (must be forced) - image is ` +
      "referenced in multiple repositories",
  );

async function checkChildren(daemon: Daemon, image: LoadedImage, call: CallContext): Promise<void> {
  if ((await childrenOf(daemon, image, call)).length === 0) return;
  throw conflict(
    op,
    `conflict: unable to delete ${shortId(image.id)} (cannot be forced) - image has ` +
      "dependent child images",
  );
}

function checkRunning(daemon: Daemon, image: LoadedImage): void {
  const running = usersOf(daemon, image).find(({ record }) => record.state.running);
  if (!running) return;
  throw conflict(
    op,
    `conflict: unable to delete ${shortId(image.id)} (cannot be forced) - image is ` +
      `being used by running container ${running.id.slice(0, 12)}`,
  );
}

function checkUnused(daemon: Daemon, image: LoadedImage, force: boolean): void {
  checkRunning(daemon, image);
  const [any] = usersOf(daemon, image);
  if (!any || force) return;
  throw conflict(
    op,
    `conflict: unable to delete ${shortId(image.id)} (must be forced) - image is being ` +
      `used by stopped container ${any.id.slice(0, 12)}`,
  );
}

function checkUsers(daemon: Daemon, image: LoadedImage, name: string): void {
  const [any] = usersOf(daemon, image);
  if (!any) return;
  throw conflict(
    op,
    `conflict: unable to remove repository reference ${JSON.stringify(name)} (must ` +
      `force) - container ${any.id.slice(0, 12)} is using its referenced image ` +
      shortId(image.id),
  );
}

/** Removes an image in a prune: whatever hinders it leaves the image as it is. */
export async function removeQuietly(
  daemon: Daemon,
  image: LoadedImage,
  context: CallContext,
): Promise<ImageRemoved[]> {
  try {
    const options = { force: true, noPrune: false };
    return await imageRemove(daemon, image.id, options, context);
  } catch (error) {
    if (error instanceof ChainError) return [];
    throw error;
  }
}
