import { hostPlatform, parsePlatform } from "#lib/registry/platform.ts";
import { listTags } from "#lib/registry/registry_list.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ProgressMessage } from "#wire/docker-api/types/image.ts";
import type { RegistryAuth } from "#wire/docker-api/types/registry.ts";
import type { Daemon } from "../daemon.ts";
import { fetchImage } from "../images/image_fetch.ts";
import { type ProgressFeed, withProgress } from "../images/progress_feed.ts";
import {
  familiarName,
  fullName,
  type ImageReference,
  parseReference,
} from "../images/reference.ts";
import { registryAccess } from "../images/registry_access.ts";
import {
  type FoundImage,
  findImage,
  splitRepository,
  withRegistry,
} from "../images/registry_lookup.ts";
import { fetchRefused, isNotFound, pullRefused } from "../images/registry_words.ts";

export interface PullRequest {
  image: string;
  /** A tag or a digest; "" with a bare name means every tag. */
  tag: string;
  platform: string;
  auth: RegistryAuth;
}

/** POST /images/create?fromImage=…: fetches an image from its registry. */
export async function* imagePull(
  daemon: Daemon,
  request: PullRequest,
  context: CallContext,
): AsyncIterable<ProgressMessage> {
  const { image, tag } = request;
  const reference = parseReference(tag === "" ? image : withTag(image, tag));
  const platform = request.platform === "" ? undefined : parsePlatform(request.platform);
  const bare = reference.tag === undefined && reference.digest === undefined;
  yield* withProgress(async (feed, signal) => {
    const abort = new AbortController();
    const left = context.signal ? [context.signal] : [];
    const both = AbortSignal.any([signal, abort.signal, ...left]);
    const access = registryAccess(daemon, request.auth, both);
    const { repository } = reference;
    const tags = bare ? await allTags(repository, access) : [undefined];
    for (const one of tags) {
      const wanted = one === undefined ? reference : { repository, tag: one };
      await pullOne(daemon, { wanted, platform, access, feed, abort }, context);
    }
  });
}

const withTag = (image: string, tag: string) =>
  tag.includes(":") ? `${image}@${tag}` : `${image}:${tag}`;

async function allTags(repository: string, access: ReturnType<typeof registryAccess>) {
  const { host, path } = splitRepository(repository);
  try {
    return await withRegistry(host, access, "pull", (client) => listTags(client, path));
  } catch (error) {
    throw pullRefused(error, familiarName(repository));
  }
}

interface OnePull {
  wanted: ImageReference;
  platform: ReturnType<typeof parsePlatform> | undefined;
  access: ReturnType<typeof registryAccess>;
  feed: ProgressFeed;
  abort: AbortController;
}

async function pullOne(daemon: Daemon, pull: OnePull, context: CallContext): Promise<void> {
  const { wanted, platform, access, feed, abort } = pull;
  const { images } = daemon;
  const name = fullName(wanted);
  const shown = familiarName(name);
  let found: FoundImage;
  try {
    found = await findImage(wanted, platform ?? hostPlatform(), access);
  } catch (error) {
    throw pullRefused(error, shown);
  }
  const id = wanted.digest ?? wanted.tag ?? "latest";
  feed.tell({ status: `Pulling from ${found.path}`, id });
  const { digest } = found.top.descriptor;
  // A platform that was asked for is what the name means from now on.
  const target = platform ? found.chain.at(-1)!.descriptor : found.top.descriptor;
  const known = await knownDigest(daemon, name, context);
  try {
    await images.leased(daemon.call(context), async (call) => {
      await fetchImage(images, found, feed, abort, call);
      await images.name(name, target, call);
      const byDigest = `${wanted.repository}@${digest}`;
      if (byDigest !== name) await images.name(byDigest, found.top.descriptor, call);
    });
  } catch (error) {
    throw fetchRefused(error, shown);
  }
  const image = await images.find(name, daemon.call(context));
  daemon.events.publish("image", "pull", shown, { ...image.config.config?.Labels, name: shown });
  feed.tell({ status: `Digest: ${digest}` });
  const news = known === target.digest ? "Image is up to date" : "Downloaded newer image";
  feed.tell({ status: `Status: ${news} for ${shown}` });
}

async function knownDigest(
  daemon: Daemon,
  name: string,
  context: CallContext,
): Promise<string | undefined> {
  try {
    const { image } = await daemon.services.images.get({ name }, daemon.call(context));
    return image?.target?.digest;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
