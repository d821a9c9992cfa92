import type { ImageStore, OCIRegistry } from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import type { Credentials } from "#lib/registry/credentials.ts";
import { isLost, RegistryClient } from "#lib/registry/registry_client.ts";
import { endpointsOf } from "#lib/registry/registry_endpoint.ts";
import { type FetchedManifest, fetchManifest, readBlob } from "#lib/registry/registry_read.ts";
import { namesOfWhole } from "./image_names.ts";
import { settleImages } from "./image_settle.ts";
import { storeNames } from "./image_store.ts";
import { childrenOf, type Descriptor, isFor, isIndex, isManifest } from "./image_tree.ts";
import { parseReference } from "./registry_reference.ts";
import type { TransferParts } from "./transfer_parts.ts";

/** Asks whoever wants the image for what proves it to the registry. */
export type AskCredentials = (host: string, reference: string) => Promise<Credentials>;

/** Pulls an image for the store's platforms: content, snapshots, names. */
export async function pullImage(
  parts: TransferParts,
  source: OCIRegistry,
  store: ImageStore,
  ask: AskCredentials,
): Promise<void> {
  const { reference } = source;
  const { host, repository, target } = parseReference(reference);
  parts.progress(`Resolving from ${reference}`);
  const credentials = await ask(host, reference);
  const { client, found } = await resolve(parts, host, repository, target, credentials);
  const pull = new ImagePull(parts, store, client, repository);
  await pull.keep(found);
  await pull.children(found.descriptor);
  await settleImages(parts, store, [found.descriptor]);
  await storeNames(parts, namesOfWhole(store, found.descriptor), found.descriptor, store.labels);
  parts.progress(`Completed pull from ${reference}`);
}

/** Finds the address at which the registry answers, with the manifest that the name stands for. */
async function resolve(
  { context }: TransferParts,
  host: string,
  repository: string,
  target: string,
  credentials: Credentials,
): Promise<{ client: RegistryClient; found: FetchedManifest }> {
  const endpoints = endpointsOf(host, {}, "pull");
  for (const [at, endpoint] of endpoints.entries()) {
    const { signal } = context;
    const client = new RegistryClient({ endpoint, credentials, ...(signal ? { signal } : {}) });
    const last = at === endpoints.length - 1;
    try {
      // Whether anybody answers there is asked once, not for as long as a pull would be tried.
      if (!last) await client.probe();
      return { client, found: await fetchManifest(client, repository, target) };
    } catch (error) {
      if (last || !isLost(error)) throw error;
    }
  }
  throw new TypeError("a registry without an address");
}

/** One pull under way, from a registry that answered. */
class ImagePull {
  readonly #parts: TransferParts;
  readonly #store: ImageStore;
  readonly #client: RegistryClient;
  readonly #repository: string;

  constructor(parts: TransferParts, store: ImageStore, client: RegistryClient, repository: string) {
    this.#parts = parts;
    this.#store = store;
    this.#client = client;
    this.#repository = repository;
  }

  /** Stores a manifest that was fetched. */
  async keep({ descriptor, bytes }: FetchedManifest): Promise<void> {
    await this.#save(descriptor, async function* () {
      yield bytes;
    });
  }

  /** Brings what a manifest refers to; of an index what is for the wanted platforms. */
  async children(target: Descriptor): Promise<void> {
    for (const child of await childrenOf(this.#parts.blobs, target)) {
      if (isIndex(target) && !isFor(this.#store.platforms, child.platform)) continue;
      if (isIndex(child) || isManifest(child)) {
        await this.keep(await fetchManifest(this.#client, this.#repository, child.digest));
        await this.children(child);
      } else {
        await this.#save(child, () => this.#blob(child));
      }
    }
  }

  #blob({ mediaType, digest, size }: Descriptor): AsyncIterable<Uint8Array> {
    const [client, repository] = [this.#client, this.#repository];
    return readBlob({ client, repository, descriptor: { mediaType, digest, size } }, 0);
  }

  async #save({ digest }: Descriptor, bytes: () => AsyncIterable<Uint8Array>): Promise<void> {
    const { blobs, progress } = this.#parts;
    if ((await blobs.size(digest)) === undefined) {
      progress("downloading", digest);
      await blobs.store(bytes(), digest);
    }
    progress("complete", digest);
  }
}
