import { createHash } from "node:crypto";
import type { UnpackConfiguration } from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { refuse } from "../metadata/refusal.ts";
import { type Descriptor, isFor, partsOf } from "./image_tree.ts";
import type { TransferParts } from "./transfer_parts.ts";

const DEFAULT_SNAPSHOTTER = "overlayfs";
/** By which clients find the snapshot that a layer's contents are in. */
const SNAPSHOT_LABEL = "containerd.io/snapshot.ref";
const UNCOMPRESSED_LABEL = "containerd.io/uncompressed";

/** Unpacks a manifest's layers, when it is for the wanted platform, one snapshot on the other. */
export async function unpackImage(
  parts: TransferParts,
  manifest: Descriptor,
  wanted: UnpackConfiguration,
): Promise<void> {
  const { config, layers } = await partsOf(parts.blobs, manifest);
  const { os, architecture, variant, rootfs } = (await parts.blobs.readJson(config.digest)) as {
    os?: string;
    architecture?: string;
    variant?: string;
    rootfs?: { diff_ids?: unknown };
  };
  const own = { os: os ?? "", architecture: architecture ?? "", variant: variant ?? "" };
  if (!isFor(wanted.platform ? [wanted.platform] : [], own)) return;
  const diffIds = rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || diffIds.length !== layers.length) {
    throw refuse(
      "invalid_argument",
      `config ${config.digest} names other layers than its manifest`,
    );
  }
  const snapshotter = wanted.snapshotter || DEFAULT_SNAPSHOTTER;
  let parent = "";
  for (const [index, layer] of layers.entries()) {
    const diffId = String(diffIds[index]);
    const chain = parent === "" ? diffId : chainId(parent, diffId);
    await unpackLayer(parts, { snapshotter, layer, diffId, chain, parent });
    parent = chain;
  }
  await parts.blobs.label(config.digest, {
    [`containerd.io/gc.ref.snapshot.${snapshotter}`]: parent,
  });
}

interface LayerPlace {
  snapshotter: string;
  layer: Descriptor;
  diffId: string;
  /** The name of the snapshot to be. */
  chain: string;
  parent: string;
}

async function unpackLayer(
  { services, context, blobs }: TransferParts,
  { snapshotter, layer, diffId, chain, parent }: LayerPlace,
): Promise<void> {
  const { snapshots, diff } = services;
  if (await succeeds(() => snapshots.stat({ snapshotter, key: chain }, context), "not_found")) {
    return;
  }
  const key = `extract-${crypto.randomUUID()} ${chain}`;
  const labels = { [SNAPSHOT_LABEL]: chain };
  const { mounts } = await snapshots.prepare({ snapshotter, key, parent, labels }, context);
  try {
    const { mediaType, digest, size } = layer;
    const described = { mediaType, digest, size: BigInt(size) };
    const { applied } = await diff.apply({ diff: described, mounts }, context);
    if (applied?.digest !== diffId) {
      const words = `layer ${digest} holds ${applied?.digest}, its image says ${diffId}`;
      throw refuse("failed_precondition", words);
    }
    const commit = () => snapshots.commit({ snapshotter, name: chain, key, labels }, context);
    // Somebody else may have unpacked the same meanwhile.
    if (!(await succeeds(commit, "already_exists"))) {
      await snapshots.remove({ snapshotter, key }, context);
    }
    await blobs.label(digest, { [UNCOMPRESSED_LABEL]: diffId });
  } catch (error) {
    await snapshots.remove({ snapshotter, key }, context).catch(() => {});
    throw error;
  }
}

/** The name of layers on top of each other, as the image specification has it. */
function chainId(parent: string, diffId: string): string {
  return `sha256:${createHash("sha256").update(`${parent} ${diffId}`).digest("hex")}`;
}

/** False when the work was refused with this code. */
async function succeeds(work: () => Promise<unknown>, code: string): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof ChainError && error.outer.code === code) return false;
    throw error;
  }
}
