import { ChainError } from "#lib/errors/chain_error.ts";
import type { Credentials } from "#lib/registry/credentials.ts";
import {
  type Descriptor,
  isIndex,
  isSchema1,
  type Platform,
  parseIndex,
} from "#lib/registry/manifest.ts";
import { choosePlatform, platformText } from "#lib/registry/platform.ts";
import { isLost, RegistryClient } from "#lib/registry/registry_client.ts";
import { endpointsOf, type RegistrySettings } from "#lib/registry/registry_endpoint.ts";
import { type FetchedManifest, fetchManifest } from "#lib/registry/registry_read.ts";
import { notFound, unsupported } from "../refusals.ts";
import type { ImageReference } from "./reference.ts";

/** Indexes inside indexes are followed this far. */
const MAX_NESTING = 3;

/** Which registry is asked, as whom. */
export interface RegistryAccess {
  settings: RegistrySettings;
  credentials: Credentials;
  signal: AbortSignal;
}

/** A manifest in a registry, and the client that found it. */
export interface FoundImage {
  client: RegistryClient;
  /** The repository's path at the registry. */
  path: string;
  top: FetchedManifest;
  /** The manifests on the way from `top` to the image of one platform; `top` is the first. */
  chain: FetchedManifest[];
}

/** Splits `docker.io/library/busybox` into the registry's name and the path there. */
export function splitRepository(repository: string): { host: string; path: string } {
  const slash = repository.indexOf("/");
  return { host: repository.slice(0, slash), path: repository.slice(slash + 1) };
}

/** Calls `use` with a client of each address of a registry, until one is there and has it. */
export async function withRegistry<T>(
  host: string,
  access: RegistryAccess,
  purpose: "pull" | "push",
  use: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const endpoints = endpointsOf(host, access.settings, purpose);
  let first: unknown;
  for (const [at, endpoint] of endpoints.entries()) {
    const { credentials, signal } = access;
    const client = new RegistryClient({ endpoint, credentials, signal });
    const last = at === endpoints.length - 1;
    try {
      if (!last) await client.probe();
    } catch (error) {
      if (!isLost(error)) throw error;
      // A certificate that is not trusted says more than what plain HTTP answers.
      first ??= /x509/.test(String(error)) ? error : undefined;
      continue;
    }
    try {
      return await use(client);
    } catch (error) {
      if (last) throw first && isLost(error) ? first : error;
      if (!endpoint.mirror || !(error instanceof ChainError)) throw error;
    }
  }
  throw first;
}

/** Finds an image, and in an index the entry for a platform. */
export async function findImage(
  reference: ImageReference,
  platform: Platform,
  access: RegistryAccess,
): Promise<FoundImage> {
  const { host, path } = splitRepository(reference.repository);
  return withRegistry(host, access, "pull", async (client) => {
    const wanted = reference.digest ?? reference.tag ?? "latest";
    const top = await fetchManifest(client, path, wanted);
    const chain = [top];
    for (let last = top; isIndex(last.descriptor.mediaType); chain.push(last)) {
      if (chain.length > MAX_NESTING) {
        throw unsupported("pull image", `indexes are nested more than ${MAX_NESTING} deep`);
      }
      last = await fetchManifest(client, path, entryFor(last, platform).digest);
    }
    const { mediaType } = chain.at(-1)!.descriptor;
    if (isSchema1(mediaType)) {
      throw unsupported(
        "pull image",
        `unsupported manifest media type ${mediaType}: schema 1 has no digests of ` +
          "configurations; push the image again with a current client",
      );
    }
    return { client, path, top, chain };
  });
}

function entryFor(index: FetchedManifest, platform: Platform): Descriptor {
  const { manifests } = parseIndex(index.bytes);
  const entry = choosePlatform(manifests, platform);
  if (entry) return entry;
  const known = manifests.flatMap((item) => (item.platform ? [platformText(item.platform)] : []));
  throw notFound(
    "pull image",
    `no matching manifest for ${platformText(platform)} in the manifest list entries` +
      (known.length > 0 ? `: it has ${[...new Set(known)].slice(0, 20).join(", ")}` : ""),
  );
}
