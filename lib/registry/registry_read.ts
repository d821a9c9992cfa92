import { createHash } from "node:crypto";
import { pause, waitBefore } from "./backoff.ts";
import { type Descriptor, MAX_MANIFEST_BYTES, MEDIA, manifestType } from "./manifest.ts";
import { isLost, type RegistryClient, refusalOf } from "./registry_client.ts";
import { registryFault } from "./registry_failure.ts";

const ACCEPT = [
  MEDIA.dockerManifest,
  MEDIA.dockerIndex,
  MEDIA.manifest,
  MEDIA.index,
  MEDIA.dockerSchema1Signed,
  "*/*",
].join(", ");

/** Progress after which a broken download has its full number of tries again. */
const FRESH_BYTES = 1024 * 1024;

/** A manifest's bytes with the descriptor that names them. */
export interface FetchedManifest {
  descriptor: Descriptor;
  bytes: Uint8Array;
}

const pullScope = (repository: string) => `repository:${repository}:pull`;

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/**
 * Fetches a manifest or an index by tag or digest. The digest is computed from what came; one that
 * was asked for, or that the registry claims, must be the same.
 */
export async function fetchManifest(
  client: RegistryClient,
  repository: string,
  reference: string,
): Promise<FetchedManifest> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const scope = pullScope(repository);
  const request = { method: "GET", path, scope, headers: { Accept: ACCEPT } };
  const reply = await client.expect(request, [200]);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of reply.bytes()) {
    size += part.length;
    if (size > MAX_MANIFEST_BYTES) {
      throw registryFault("read manifest", `invalid manifest: over ${MAX_MANIFEST_BYTES} bytes`);
    }
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  const digest = digestOf(bytes);
  const claimed = reply.headers.get("docker-content-digest");
  const wanted = reference.startsWith("sha256:") ? reference : claimed;
  if (wanted?.startsWith("sha256:") && wanted !== digest) {
    throw registryFault(
      "read manifest",
      `manifest verification failed for digest ${wanted}: what came has digest ${digest}`,
    );
  }
  const mediaType = manifestType(bytes, reply.headers.get("content-type") ?? "");
  return { descriptor: { mediaType, digest, size }, bytes };
}

/** Where the bytes of a blob come from. */
export interface BlobSource {
  client: RegistryClient;
  repository: string;
  descriptor: Descriptor;
}

/**
 * Reads a blob from byte `from` on. A connection that breaks, stalls or ends early is taken up
 * where it left off. Rejects when more comes than the descriptor says; the digest is for the
 * reader to check.
 */
export async function* readBlob(source: BlobSource, from: number): AsyncIterable<Uint8Array> {
  const { client, descriptor } = source;
  let at = from;
  let fresh = from;
  for (let tried = 1; at < descriptor.size || descriptor.size === 0; tried++) {
    let lost: unknown;
    const bytes = await openBlob(source, at);
    try {
      for await (const part of bytes) {
        at += part.length;
        if (at > descriptor.size) throw tooLong(descriptor);
        yield part;
      }
    } catch (error) {
      if (!isLost(error)) throw error;
      lost = error;
    }
    if (at === descriptor.size) return;
    if (at - fresh >= FRESH_BYTES) {
      fresh = at;
      tried = 1;
    }
    const wait = waitBefore(client.backoff, tried, null);
    if (wait === undefined) throw lost ?? cutShort(descriptor, at);
    await pause(wait, client.signal);
  }
}

const tooLong = ({ digest, size }: Descriptor) =>
  registryFault("read blob", `blob ${digest} is longer than the ${size} bytes it is said to have`);

const cutShort = ({ digest, size }: Descriptor, at: number) =>
  registryFault("read blob", `unexpected EOF: blob ${digest} ended after ${at} of ${size} bytes`);

async function openBlob(source: BlobSource, at: number): Promise<AsyncIterable<Uint8Array>> {
  const { client, repository, descriptor } = source;
  const foreign = descriptor.urls?.find((url) => url.startsWith("https://"));
  const path = foreign ?? `/v2/${repository}/blobs/${descriptor.digest}`;
  const headers = at > 0 ? { Range: `bytes=${at}-` } : {};
  const request = { method: "GET", path, scope: pullScope(repository), headers };
  const reply = await client.send(request);
  if (reply.status === 206) {
    const start = /^bytes ([0-9]+)-/.exec(reply.headers.get("content-range") ?? "")?.[1];
    if (Number(start) === at) return reply.bytes();
    await reply.discard();
    throw registryFault("read blob", `asked for bytes from ${at}, got those from ${start}`);
  }
  // A registry without ranges sends all of it again.
  if (reply.status === 200) return at > 0 ? without(reply.bytes(), at) : reply.bytes();
  throw await refusalOf(request, reply);
}

async function* without(bytes: AsyncIterable<Uint8Array>, skip: number) {
  let left = skip;
  for await (const part of bytes) {
    if (part.length <= left) {
      left -= part.length;
      continue;
    }
    yield left > 0 ? part.subarray(left) : part;
    left = 0;
  }
}
