import { randomBytes } from "node:crypto";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { Descriptor } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import { broken } from "../refusals.ts";
import type { LoadedImage } from "./image_types.ts";

/** Unpacks, lowest first, the layers of an image that no snapshot holds yet. */
export async function unpackLayers(
  services: ContainerdServices,
  snapshotter: string,
  image: LoadedImage,
  context: CallContext,
): Promise<void> {
  let parent = "";
  for (const [index, chainId] of image.chainIds.entries()) {
    const layer = image.manifest.layers[index]!;
    const step = { snapshotter, layer, diffId: image.config.rootfs.diff_ids[index]!, parent };
    await unpackLayer(services, { ...step, chainId }, context);
    parent = chainId;
  }
}

export interface LayerStep {
  snapshotter: string;
  layer: Descriptor;
  diffId: string;
  /** Snapshot below; "" for none. */
  parent: string;
  /** Name of the snapshot to be made. */
  chainId: string;
}

/** Makes a snapshot of one layer. One that is there already is held by the call's lease. */
export async function unpackLayer(
  services: ContainerdServices,
  { snapshotter, layer, diffId, parent, chainId }: LayerStep,
  context: CallContext,
): Promise<void> {
  if (await holdSnapshot(services, snapshotter, chainId, context)) return;
  const { snapshots, diff: differ } = services;
  const key = `extract-${randomBytes(8).toString("hex")} ${chainId}`;
  const { mounts } = await snapshots.prepare({ snapshotter, key, parent, labels: {} }, context);
  try {
    const diff = {
      mediaType: layer.mediaType,
      digest: layer.digest,
      size: BigInt(layer.size),
      annotations: layer.annotations ?? {},
    };
    const { applied } = await differ.apply({ diff, mounts }, context);
    if (applied?.digest !== diffId) {
      throw broken("unpack layer", `layer has digest ${applied?.digest}, expected ${diffId}`);
    }
    await snapshots.commit({ snapshotter, name: chainId, key, labels: {} }, context);
  } catch (error) {
    await snapshots.remove({ snapshotter, key }, context).catch(() => undefined);
    if (error instanceof ChainError && error.outer.code === "already_exists") return;
    throw error;
  }
}

async function holdSnapshot(
  services: ContainerdServices,
  snapshotter: string,
  chainId: string,
  context: CallContext,
): Promise<boolean> {
  if (!(await hasSnapshot(services, snapshotter, chainId, context))) return false;
  if (!context.lease) return true;
  const resource = { id: chainId, type: `snapshots/${snapshotter}` };
  await services.leases.addResource({ id: context.lease, resource }, context);
  return hasSnapshot(services, snapshotter, chainId, context);
}

/** Whether the snapshotter has a snapshot of that name. */
export async function hasSnapshot(
  services: ContainerdServices,
  snapshotter: string,
  key: string,
  context: CallContext,
): Promise<boolean> {
  try {
    await services.snapshots.stat({ snapshotter, key }, context);
    return true;
  } catch (error) {
    if (error instanceof ChainError && error.outer.code === "not_found") return false;
    throw error;
  }
}
