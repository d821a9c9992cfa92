import { pause, waitBefore } from "./backoff.ts";
import type { Descriptor } from "./manifest.ts";
import { isLost, type RegistryClient } from "./registry_client.ts";
import { registryFault } from "./registry_failure.ts";

/** What is pushed where. */
export interface PushTarget {
  client: RegistryClient;
  repository: string;
}

/** What became of a blob that was to be pushed. */
export type BlobPushed = "exists" | "mounted" | "pushed";

const pushScope = (repository: string) => `repository:${repository}:pull,push`;

/** True when the repository has the blob already. */
export async function hasBlob(target: PushTarget, digest: string): Promise<boolean> {
  const { client, repository } = target;
  const path = `/v2/${repository}/blobs/${digest}`;
  const reply = await client.send({ method: "HEAD", path, scope: pushScope(repository) });
  await reply.discard();
  return reply.status === 200;
}

/**
 * Brings a blob into the repository: not at all where it is there, by mounting it from another
 * repository of the registry where one has it, else by sending `open()`.
 */
export async function pushBlob(
  target: PushTarget,
  descriptor: Descriptor,
  from: string | undefined,
  open: () => AsyncIterable<Uint8Array>,
): Promise<BlobPushed> {
  if (await hasBlob(target, descriptor.digest)) return "exists";
  const { client } = target;
  for (let tried = 1; ; tried++) {
    try {
      const begun = await beginUpload(target, descriptor, from);
      if (begun === undefined) return "mounted";
      await sendBlob(target, descriptor, begun, open);
      return "pushed";
    } catch (error) {
      const wait = isLost(error) ? waitBefore(client.backoff, tried, null) : undefined;
      if (wait === undefined) throw error;
      await pause(wait, client.signal);
    }
  }
}

/** Where to send the blob to; undefined when the registry mounted it. */
async function beginUpload(
  { client, repository }: PushTarget,
  { digest }: Descriptor,
  from: string | undefined,
): Promise<string | undefined> {
  const mount = from && from !== repository;
  const query = mount ? `?mount=${digest}&from=${encodeURIComponent(from)}` : "";
  const scope = pushScope(repository) + (mount ? ` repository:${from}:pull` : "");
  const path = `/v2/${repository}/blobs/uploads/${query}`;
  const reply = await client.expect({ method: "POST", path, scope, once: true }, [201, 202]);
  await reply.discard();
  if (reply.status === 201) return undefined;
  return locationOf(client, reply.headers.get("location"));
}

async function sendBlob(
  { client, repository }: PushTarget,
  { digest, size }: Descriptor,
  location: string,
  open: () => AsyncIterable<Uint8Array>,
): Promise<void> {
  const scope = pushScope(repository);
  const headers = {
    "Content-Type": "application/octet-stream",
    "Content-Length": String(size),
  };
  const sent = await client.expect(
    { method: "PATCH", path: location, scope, headers, body: open, once: true },
    [202],
  );
  await sent.discard();
  const next = new URL(locationOf(client, sent.headers.get("location") ?? location));
  next.searchParams.set("digest", digest);
  const done = await client.expect({ method: "PUT", path: next.href, scope, once: true }, [201]);
  await done.discard();
}

function locationOf(client: RegistryClient, location: string | null): string {
  if (location === null) throw registryFault("push blob", "the registry named no place to send to");
  return new URL(location, client.endpoint.base).href;
}

/** Puts a manifest under a tag or its digest. */
export async function pushManifest(
  { client, repository }: PushTarget,
  reference: string,
  descriptor: Descriptor,
  bytes: Uint8Array,
): Promise<void> {
  const request = {
    method: "PUT",
    path: `/v2/${repository}/manifests/${reference}`,
    scope: pushScope(repository),
    headers: { "Content-Type": descriptor.mediaType },
    body: () => bytes,
  };
  const reply = await client.expect(request, [200, 201, 202]);
  await reply.discard();
  const claimed = reply.headers.get("docker-content-digest");
  if (claimed?.startsWith("sha256:") && claimed !== descriptor.digest) {
    throw registryFault(
      "push manifest",
      `the registry stored ${claimed}, what was sent is ${descriptor.digest}`,
    );
  }
}
