import type { ImageStore, OCIRegistry } from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { isForeign } from "#lib/registry/manifest.ts";
import { RegistryClient } from "#lib/registry/registry_client.ts";
import { endpointsOf } from "#lib/registry/registry_endpoint.ts";
import { pushBlob, pushManifest } from "#lib/registry/registry_write.ts";
import { refuse } from "../metadata/refusal.ts";
import { wholeOf } from "./image_blobs.ts";
import { lookUp } from "./image_store.ts";
import {
  childrenOf,
  type Descriptor,
  isFor,
  isIndex,
  isManifest,
  MAX_DEPTH,
} from "./image_tree.ts";
import type { AskCredentials } from "./registry_pull.ts";
import { parseReference } from "./registry_reference.ts";
import type { TransferParts } from "./transfer_parts.ts";

/**
 * Pushes an image to a registry: what it consists of first, so that nobody sees a manifest before
 * its parts; of an index what is for the store's platforms, or all of it.
 */
export async function pushImage(
  parts: TransferParts,
  store: ImageStore,
  { reference }: OCIRegistry,
  ask: AskCredentials,
): Promise<void> {
  const [image] = await lookUp(parts, store);
  if (!image) throw refuse("not_found", `image ${JSON.stringify(store.name)}`);
  const { host, repository, target } = parseReference(reference);
  parts.progress(`Pushing to OCI Registry (${reference})`);
  parts.progress("pushing content", image.name);
  const client = await answering(parts, host, await ask(host, reference));
  const push = new ImagePush(parts, store, client, repository);
  await push.tree(image.target, target.includes(":") ? image.target.digest : target, 0);
  parts.progress("pushed content", image.name);
  parts.progress(`Completed push to OCI Registry (${reference})`);
}

/** A client of the first address at which the registry answers; the last is not asked first. */
async function answering(
  { context: { signal } }: TransferParts,
  host: string,
  credentials: Awaited<ReturnType<AskCredentials>>,
): Promise<RegistryClient> {
  const clients = endpointsOf(host, {}, "push").map(
    (endpoint) => new RegistryClient({ endpoint, credentials, ...(signal ? { signal } : {}) }),
  );
  for (const client of clients.slice(0, -1)) {
    const answers = await client.probe().then(
      () => true,
      () => false,
    );
    if (answers) return client;
  }
  return clients.at(-1)!;
}

/** One push under way. */
class ImagePush {
  readonly #parts: TransferParts;
  readonly #store: ImageStore;
  readonly #client: RegistryClient;
  readonly #repository: string;
  /** Layers that several manifests of an index share are sent once. */
  readonly #done = new Set<string>();

  constructor(parts: TransferParts, store: ImageStore, client: RegistryClient, repository: string) {
    this.#parts = parts;
    this.#store = store;
    this.#client = client;
    this.#repository = repository;
  }

  /** Sends a manifest or an index after all that it refers to, under `reference`. */
  async tree(target: Descriptor, reference: string, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw refuse("invalid_argument", "indexes are nested too deeply");
    for (const child of await childrenOf(this.#parts.blobs, target)) {
      if (isIndex(target) && !isFor(this.#store.platforms, child.platform)) continue;
      if (isIndex(child) || isManifest(child)) await this.tree(child, child.digest, depth + 1);
      // Layers that may not be distributed stay where their manifest says they are.
      else if (!isForeign(child.mediaType)) await this.#blob(child);
    }
    await this.#manifest(target, reference);
  }

  async #manifest(target: Descriptor, reference: string): Promise<void> {
    const { blobs, progress } = this.#parts;
    const bytes = await wholeOf(blobs.read(target.digest), target.digest);
    progress("uploading", target.digest);
    await pushManifest(this.#registry, reference, plain(target), bytes);
    progress("complete", target.digest);
  }

  async #blob(child: Descriptor): Promise<void> {
    const { blobs, progress } = this.#parts;
    if (this.#done.has(child.digest)) return;
    if ((await blobs.size(child.digest)) === undefined) {
      throw refuse("not_found", `content digest ${child.digest}`);
    }
    progress("uploading", child.digest);
    const open = () => blobs.read(child.digest);
    const became = await pushBlob(this.#registry, plain(child), undefined, open);
    this.#done.add(child.digest);
    progress(became === "exists" ? "already exists" : "complete", child.digest);
  }

  get #registry() {
    return { client: this.#client, repository: this.#repository };
  }
}

/** What a registry is told of a blob. */
const plain = ({ mediaType, digest, size }: Descriptor) => ({ mediaType, digest, size });
