import type { CallContext } from "#lib/rpc/service.ts";
import type { ImageSummary } from "#wire/docker-api/types/image.ts";
import type { Daemon } from "../daemon.ts";
import { imageList } from "./image_ops.ts";

/** Bytes of all images' layers, shared ones once. */
export async function layerBytes(daemon: Daemon, call: CallContext): Promise<number> {
  const chains = new Set<string>();
  for (const { image } of await daemon.images.list(call)) {
    for (const chain of image.chainIds) chains.add(chain);
  }
  return bytesOf(daemon, chains, call);
}

async function bytesOf(
  daemon: Daemon,
  chains: Iterable<string>,
  call: CallContext,
): Promise<number> {
  let total = 0;
  for (const chain of chains) {
    total += await daemon.images.snapshotSize(chain, call).catch(() => 0);
  }
  return total;
}

/** Images with what they share with others, and how many containers use them. */
export async function imageUsage(daemon: Daemon, context: CallContext): Promise<ImageSummary[]> {
  const call = daemon.call(context);
  const options = { all: false, filters: {}, digests: false };
  const shown = await imageList(daemon, options, context);
  const ids = new Set(shown.map(({ Id }) => Id));
  const chainsOf = new Map<string, string[]>();
  const users = new Map<string, number>();
  for (const { image } of await daemon.images.list(call)) {
    if (!ids.has(image.id)) continue;
    chainsOf.set(image.id, image.chainIds);
    for (const chain of image.chainIds) users.set(chain, (users.get(chain) ?? 0) + 1);
  }
  const out: ImageSummary[] = [];
  for (const summary of shown) {
    const chains = chainsOf.get(summary.Id) ?? [];
    const shared = chains.filter((chain) => (users.get(chain) ?? 0) > 1);
    const containers = daemon.containers.all();
    out.push({
      ...summary,
      SharedSize: await bytesOf(daemon, shared, call),
      Containers: containers.filter(({ record }) => record.imageId === summary.Id).length,
    });
  }
  return out;
}
