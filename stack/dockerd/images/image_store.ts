import { randomBytes } from "node:crypto";
import type { Image } from "#gen/wire/containerd-api/proto/images_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { type Descriptor, MEDIA } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import { notFound } from "../refusals.ts";
import { BlobStore } from "./blob_store.ts";
import { chainIds } from "./chain_id.ts";
import { ImageLoader, PARENT_LABEL } from "./image_loader.ts";
import type { ImageConfig, LoadedImage } from "./image_types.ts";
import { hasSnapshot, unpackLayers } from "./layer_unpack.ts";
import { familiarName, fullName, parseReference } from "./reference.ts";

/** Name under which an image without a name is kept, so that it is not collected. */
const DANGLING = "moby-dangling@";

export const isDangling = (name: string) => name.startsWith(DANGLING);

/** All names of one image, and the image. */
export interface NamedImage {
  image: LoadedImage;
  /** Full names, without the one that keeps a nameless image. */
  names: string[];
  createdAt: Date;
  tagged: Date;
}

/** Images in containerd's store, as docker sees them: an image is its configuration. */
export class ImageStore {
  readonly services: ContainerdServices;
  readonly blobs: BlobStore;
  readonly snapshotter: string;
  readonly #loader: ImageLoader;
  readonly #unpacked = new Set<string>();
  readonly #sizes = new Map<string, number>();

  constructor(services: ContainerdServices, snapshotter: string) {
    this.services = services;
    this.blobs = new BlobStore(services);
    this.#loader = new ImageLoader(services, this.blobs);
    this.snapshotter = snapshotter;
  }

  /** Runs `work` under a lease: what it writes is not collected before it is named. */
  async leased<T>(context: CallContext, work: (context: CallContext) => Promise<T>): Promise<T> {
    const id = `catena-${randomBytes(12).toString("hex")}`;
    // An expiry, in case we die before we delete it.
    const expire = new Date(Date.now() + 24 * 3600 * 1000).toISOString();
    await this.services.leases.create(
      { id, labels: { "containerd.io/gc.expire": expire } },
      context,
    );
    try {
      return await work({ ...context, lease: id });
    } finally {
      const { signal: _, ...plain } = context;
      await this.services.leases.delete({ id, sync: false }, plain).catch(() => undefined);
    }
  }

  /** Every image with its names, newest first. Images whose content is not there are left out. */
  async list(context: CallContext): Promise<NamedImage[]> {
    const { images } = await this.services.images.list({ filters: [] }, context);
    const byId = new Map<string, NamedImage>();
    for (const record of images) {
      const image = await this.#tryLoad(record, context);
      if (!image) continue;
      const known = byId.get(image.id) ?? {
        image,
        names: [],
        createdAt: new Date(image.config.created ?? 0),
        tagged: new Date(0),
      };
      if (!isDangling(record.name)) known.names.push(record.name);
      const updated = new Date(Number(record.updatedAt?.seconds ?? 0n) * 1000);
      if (updated > known.tagged) known.tagged = updated;
      byId.set(image.id, known);
    }
    return [...byId.values()].sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  }

  async #tryLoad(record: Image, context: CallContext): Promise<LoadedImage | undefined> {
    try {
      return await this.load(record.target?.digest ?? "", record.target?.mediaType ?? "", context);
    } catch (error) {
      if (error instanceof ChainError) return undefined;
      throw error;
    }
  }

  /**
   * Finds an image by name, by id or by the beginning of an id. Throws "No such image" as dockerd
   * words it.
   */
  async find(name: string, context: CallContext): Promise<LoadedImage> {
    const id = name.match(/^(?:sha256:)?([a-f0-9]{4,64})$/)?.[1];
    if (!name.startsWith("sha256:")) {
      const named = await this.#findName(name, id !== undefined, context);
      if (named) return named;
    }
    if (id) {
      const matches = (await this.list(context)).filter(({ image }) =>
        image.id.startsWith(`sha256:${id}`),
      );
      if (matches.length === 1) return matches[0]!.image;
    }
    throw notFound("find image", `No such image: ${withTag(name)}`);
  }

  async #findName(
    name: string,
    mayBeId: boolean,
    context: CallContext,
  ): Promise<LoadedImage | undefined> {
    let full: string;
    try {
      full = fullName(parseReference(name));
    } catch (error) {
      if (mayBeId) return undefined;
      throw error;
    }
    try {
      const { image } = await this.services.images.get({ name: full }, context);
      return await this.load(image!.target!.digest, image!.target!.mediaType, context);
    } catch (error) {
      if (error instanceof ChainError && error.outer.code === "not_found") return undefined;
      throw error;
    }
  }

  /** Reads what a manifest, or an index of manifests, leads to. */
  load(digest: string, mediaType: string, context: CallContext): Promise<LoadedImage> {
    return this.#loader.load(digest, mediaType, context);
  }

  /** Names an image; a name that pointed elsewhere now points here. */
  async name(name: string, target: Descriptor, context: CallContext): Promise<void> {
    const image = {
      name,
      labels: {},
      target: {
        mediaType: target.mediaType,
        digest: target.digest,
        size: BigInt(target.size),
        annotations: {},
      },
    };
    try {
      await this.services.images.create({ image }, context);
    } catch (error) {
      if (!(error instanceof ChainError) || error.outer.code !== "already_exists") throw error;
      await this.#keepOldTarget(name, target.digest, context);
      await this.services.images.update({ image, updateMask: { paths: ["target"] } }, context);
    }
  }

  /** An image that loses its last name to another stays as a nameless one. */
  async #keepOldTarget(name: string, digest: string, context: CallContext): Promise<void> {
    const { image } = await this.services.images.get({ name }, context);
    const old = image?.target;
    if (!old || old.digest === digest) return;
    const { images } = await this.services.images.list({ filters: [] }, context);
    if (images.some((other) => other.name !== name && other.target?.digest === old.digest)) return;
    await this.nameless(
      { mediaType: old.mediaType, digest: old.digest, size: Number(old.size) },
      context,
    );
  }

  /** Lets every name of one manifest point to another of the same image. */
  async retarget(from: string, target: Descriptor, context: CallContext): Promise<void> {
    const { images } = await this.services.images.list({ filters: [] }, context);
    const { mediaType, digest } = target;
    const size = BigInt(target.size);
    for (const { name, target: old } of images) {
      if (old?.digest !== from) continue;
      // It has another name now: it needs none of ours.
      if (isDangling(name)) await this.services.images.delete({ name, sync: false }, context);
      // A name by digest says which manifest it means.
      if (name.includes("@")) continue;
      const image = { name, labels: {}, target: { mediaType, digest, size, annotations: {} } };
      await this.services.images.update({ image, updateMask: { paths: ["target"] } }, context);
    }
  }

  async nameless(target: Descriptor, context: CallContext): Promise<void> {
    await this.name(`${DANGLING}${target.digest}`, target, context);
  }

  async unname(name: string, last: boolean, context: CallContext): Promise<void> {
    await this.services.images.delete({ name, sync: last }, context);
    if (last) this.forget();
  }

  /** Drops what is remembered: content was removed. */
  forget(): void {
    this.#loader.forget();
    this.#unpacked.clear();
    this.#sizes.clear();
  }

  /**
   * Makes sure that the image's layers lie unpacked in the snapshotter. Returns the name of the
   * topmost snapshot, "" for an image without layers.
   */
  async unpack(image: LoadedImage, context: CallContext): Promise<string> {
    const top = image.chainIds.at(-1) ?? "";
    if (top === "" || this.#unpacked.has(top)) return top;
    const known = await hasSnapshot(this.services, this.snapshotter, top, context);
    if (!known)
      await this.leased(context, (leased) =>
        unpackLayers(this.services, this.snapshotter, image, leased),
      );
    this.#unpacked.add(top);
    return top;
  }

  /** Bytes of a committed snapshot on disk. It never changes, so it is asked once. */
  async snapshotSize(key: string, context: CallContext): Promise<number> {
    const known = this.#sizes.get(key);
    if (known !== undefined) return known;
    const { snapshotter } = this;
    const { size } = await this.services.snapshots.usage({ snapshotter, key }, context);
    this.#sizes.set(key, Number(size));
    return Number(size);
  }

  async size(image: LoadedImage, context: CallContext): Promise<number> {
    let total = 0;
    for (const chainId of image.chainIds) {
      total += await this.snapshotSize(chainId, context).catch(() => 0);
    }
    return total;
  }

  /**
   * Writes configuration and manifest of an image whose layers are stored, unpacks it and names it.
   */
  async add(
    config: ImageConfig,
    layers: Descriptor[],
    name: string | undefined,
    context: CallContext,
    parent = "",
  ): Promise<LoadedImage> {
    const chain = chainIds(config.rootfs.diff_ids).at(-1);
    const labels: Record<string, string> = {};
    if (chain) labels[`containerd.io/gc.ref.snapshot.${this.snapshotter}`] = chain;
    if (parent) labels[PARENT_LABEL] = parent;
    const configBlob = await this.blobs.writeJson(MEDIA.config, config, labels, context);
    return this.addManifest(configBlob, layers, name, context);
  }

  async addManifest(
    config: Descriptor,
    layers: Descriptor[],
    name: string | undefined,
    context: CallContext,
  ): Promise<LoadedImage> {
    const labels: Record<string, string> = {
      "containerd.io/gc.ref.content.config": config.digest,
    };
    for (const [index, layer] of layers.entries()) {
      labels[`containerd.io/gc.ref.content.l.${index}`] = layer.digest;
    }
    const manifest = { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers };
    const target = await this.blobs.writeJson(MEDIA.manifest, manifest, labels, context);
    const image = await this.load(target.digest, target.mediaType, context);
    await this.unpack(image, context);
    if (name) await this.name(name, target, context);
    else if (!(await this.#isNamed(target.digest, context))) await this.nameless(target, context);
    return image;
  }

  async #isNamed(digest: string, context: CallContext): Promise<boolean> {
    const { images } = await this.services.images.list({ filters: [] }, context);
    return images.some((image) => image.target?.digest === digest);
  }
}

/** The name as dockerd shows it in "No such image": with the tag that was meant. */
function withTag(name: string): string {
  if (/^(?:sha256:)?[a-f0-9]{12,64}$/.test(name)) return name;
  return familiarName(fullName(parseReference(name)));
}
