import { isIndex, type Manifest, parseIndex } from "#lib/registry/manifest.ts";
import { choosePlatform, hostPlatform } from "#lib/registry/platform.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import { unsupported } from "../refusals.ts";
import type { BlobStore } from "./blob_store.ts";
import { chainIds } from "./chain_id.ts";
import type { ImageConfig, LoadedImage } from "./image_types.ts";

/** How many images' manifests and configurations are kept in memory. */
const MAX_CACHED = 2048;
/** Indexes inside indexes are followed this far: circular ones end here. */
const MAX_NESTING = 3;
/** Label of a configuration: the image that a build step began with. */
export const PARENT_LABEL = "catena.image.parent";

/** Reads images from containerd's content store, and remembers them: content never changes. */
export class ImageLoader {
  readonly #services: ContainerdServices;
  readonly #blobs: BlobStore;
  readonly #loaded = new Map<string, LoadedImage>();

  constructor(services: ContainerdServices, blobs: BlobStore) {
    this.#services = services;
    this.#blobs = blobs;
  }

  /** Drops what is remembered: content was removed. */
  forget(): void {
    this.#loaded.clear();
  }

  /** Reads what a manifest, or an index of manifests, leads to. */
  async load(digest: string, mediaType: string, context: CallContext): Promise<LoadedImage> {
    const known = this.#loaded.get(digest);
    if (known) return known;
    const manifestDigest = await this.#ownManifest(digest, mediaType, context);
    const manifest = await this.#blobs.readJson<Manifest>(manifestDigest, context);
    const config = await this.#blobs.readJson<ImageConfig>(manifest.config.digest, context);
    const image: LoadedImage = {
      id: manifest.config.digest,
      parent: await this.#parentOf(manifest.config.digest, context),
      manifestDigest,
      manifest,
      config,
      chainIds: chainIds(config.rootfs.diff_ids),
    };
    if (this.#loaded.size >= MAX_CACHED) {
      const [oldest] = this.#loaded.keys();
      this.#loaded.delete(oldest!);
    }
    this.#loaded.set(digest, image);
    return image;
  }

  async #parentOf(digest: string, context: CallContext): Promise<string> {
    const { info } = await this.#services.content.info({ digest }, context);
    return info?.labels[PARENT_LABEL] ?? "";
  }

  /** An index leads to one image: this host's, or of another platform the one that is here. */
  async #ownManifest(
    digest: string,
    mediaType: string,
    context: CallContext,
    depth = 0,
  ): Promise<string> {
    if (!isIndex(mediaType)) return digest;
    const absent = `none of the manifests of index ${digest} is here`;
    if (depth > MAX_NESTING) throw unsupported("read image", absent);
    const { manifests } = parseIndex(await this.#blobs.readBytes(digest, context));
    const best = choosePlatform(manifests, hostPlatform());
    for (const entry of best ? [best, ...manifests] : manifests) {
      if (!(await this.#blobs.has(entry.digest, context))) continue;
      return this.#ownManifest(entry.digest, entry.mediaType, context, depth + 1);
    }
    throw unsupported("read image", absent);
  }
}
