import { type Descriptor, isForeign, MEDIA } from "#lib/registry/manifest.ts";
import { type PushTarget, pushBlob, pushManifest } from "#lib/registry/registry_write.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import type { ProgressMessage } from "#wire/docker-api/types/image.ts";
import type { RegistryAuth } from "#wire/docker-api/types/registry.ts";
import type { Daemon } from "../daemon.ts";
import { Slots, shortId } from "../images/image_fetch.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { withCompressedLayers } from "../images/layer_compress.ts";
import { type ProgressFeed, withProgress } from "../images/progress_feed.ts";
import { familiarName, fullName, parseReference } from "../images/reference.ts";
import { registryAccess } from "../images/registry_access.ts";
import { splitRepository, withRegistry } from "../images/registry_lookup.ts";
import { isNotFound, pushRefused } from "../images/registry_words.ts";
import { invalid, notFound } from "../refusals.ts";

const op = "push image";
/** How many layers are sent at the same time. */
const MAX_PARALLEL = 5;

/** POST /images/NAME/push: sends an image, or with no tag every image of the repository. */
export async function* imagePush(
  daemon: Daemon,
  name: string,
  tag: string,
  auth: RegistryAuth,
  context: CallContext,
): AsyncIterable<ProgressMessage> {
  const reference = parseReference(tag === "" ? name : `${name}:${tag}`);
  if (reference.digest) throw invalid(op, "cannot push a digest reference");
  const call = daemon.call(context);
  const { repository } = reference;
  const names =
    reference.tag === undefined ? await tagsOf(daemon, repository, call) : [fullName(reference)];
  if (names.length === 0) throw missing(familiarName(repository));
  for (const full of names) await findImage(daemon, full, call);
  yield* withProgress(async (feed, signal) => {
    feed.tell({ status: `The push refers to repository [${familiarName(repository)}]` });
    const { host, path } = splitRepository(repository);
    const access = registryAccess(
      daemon,
      auth,
      context.signal ? AbortSignal.any([signal, context.signal]) : signal,
    );
    try {
      await withRegistry(host, access, "push", async (client) => {
        for (const full of names) {
          const target = { client, repository: path };
          await daemon.images.leased(call, (leased) =>
            pushOne(daemon, { full, host, target, feed }, leased),
          );
        }
      });
    } catch (error) {
      throw pushRefused(error);
    }
  });
}

const missing = (name: string) =>
  notFound(op, `An image does not exist locally with the tag: ${name}`);

async function findImage(daemon: Daemon, full: string, call: CallContext): Promise<LoadedImage> {
  try {
    return await daemon.images.find(full, call);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw missing(familiarName(full).replace(/:[^:/]*$/, ""));
  }
}

async function tagsOf(daemon: Daemon, repository: string, call: CallContext): Promise<string[]> {
  const { images } = await daemon.services.images.list({ filters: [] }, call);
  return images.map(({ name }) => name).filter((name) => name.startsWith(`${repository}:`));
}

interface OnePush {
  full: string;
  host: string;
  target: PushTarget;
  feed: ProgressFeed;
}

async function pushOne(daemon: Daemon, push: OnePush, call: CallContext): Promise<void> {
  const { full, host, target, feed } = push;
  const { images } = daemon;
  const found = await findImage(daemon, full, call);
  for (const at of found.chainIds.keys()) feed.status(layerId(found, at), "Preparing");
  const image = await withCompressedLayers(images, found, call);
  await pushLayers(daemon, image, host, target, feed, call);
  const { config } = image.manifest;
  await pushBlob(target, config, undefined, () => images.blobs.read(config.digest, call));
  const { bytes, descriptor } = await manifestOf(daemon, image, call);
  const tag = full.slice(full.lastIndexOf(":") + 1);
  await pushManifest(target, tag, descriptor, bytes);
  const repository = full.slice(0, full.lastIndexOf(":"));
  await images.name(`${repository}@${descriptor.digest}`, descriptor, call);
  daemon.events.publish("image", "push", familiarName(full), { name: familiarName(full) });
  const { digest, size } = descriptor;
  feed.tell({ status: `${tag}: digest: ${digest} size: ${size}` });
  feed.tell({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } });
}

/** Docker names layers of a push by their unpacked content. */
const layerId = ({ config }: LoadedImage, at: number) =>
  shortId({ digest: config.rootfs.diff_ids[at]!, mediaType: "", size: 0 });

async function pushLayers(
  daemon: Daemon,
  image: LoadedImage,
  host: string,
  target: PushTarget,
  feed: ProgressFeed,
  call: CallContext,
): Promise<void> {
  const slots = new Slots(MAX_PARALLEL);
  const origins = await layerOrigins(daemon, host, call);
  const sent = image.manifest.layers.map((layer, at) =>
    slots.run(() => pushLayer(daemon, layer, layerId(image, at), origins, target, feed, call)),
  );
  const failed = (await Promise.allSettled(sent)).find(({ status }) => status === "rejected");
  if (failed) throw (failed as PromiseRejectedResult).reason;
}

async function pushLayer(
  daemon: Daemon,
  layer: Descriptor,
  id: string,
  origins: Map<string, string>,
  target: PushTarget,
  feed: ProgressFeed,
  call: CallContext,
): Promise<void> {
  if (isForeign(layer.mediaType)) {
    feed.status(id, "Skipped foreign layer");
    return;
  }
  const origin = origins.get(layer.digest);
  async function* open(): ByteStream {
    let sent = 0;
    for await (const part of daemon.images.blobs.read(layer.digest, call)) {
      yield part;
      sent += part.length;
      feed.progress(id, "Pushing", sent, layer.size);
    }
  }
  const done = await pushBlob(target, layer, origin, open);
  const words = { exists: "Layer already exists", mounted: `Mounted from ${origin}` };
  feed.status(id, done === "pushed" ? "Pushed" : words[done]);
}

/** Which repository of a registry is known to hold a layer: images were pulled or pushed there. */
async function layerOrigins(
  daemon: Daemon,
  host: string,
  call: CallContext,
): Promise<Map<string, string>> {
  const origins = new Map<string, string>();
  for (const { image, names } of await daemon.images.list(call)) {
    const from = names.find((name) => name.startsWith(`${host}/`) && name.includes("@"));
    if (!from) continue;
    const { path } = splitRepository(from.slice(0, from.indexOf("@")));
    for (const { digest } of image.manifest.layers) origins.set(digest, path);
  }
  return origins;
}

async function manifestOf(
  daemon: Daemon,
  image: LoadedImage,
  call: CallContext,
): Promise<{ bytes: Uint8Array; descriptor: Descriptor }> {
  const bytes = await daemon.images.blobs.readBytes(image.manifestDigest, call);
  const mediaType = image.manifest.mediaType ?? MEDIA.manifest;
  return { bytes, descriptor: { mediaType, digest: image.manifestDigest, size: bytes.length } };
}
