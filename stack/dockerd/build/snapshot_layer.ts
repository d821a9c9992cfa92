import { randomBytes } from "node:crypto";
import { closeSync } from "node:fs";
import type { Mount } from "#gen/wire/containerd-api/proto/types/mount_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { MEDIA } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Daemon } from "../daemon.ts";
import { chainIds } from "../images/chain_id.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { broken } from "../refusals.ts";
import { openRoot } from "../rootfs/rooted_files.ts";
import { EMPTY_TAR, type StepLayer } from "./step_layer.ts";

type SnapshotMounts = Mount[];

const newKey = (what: string) => `${what}-${randomBytes(8).toString("hex")}`;

/**
 * Runs `work` on a copy of an image's files and returns what it changed as a layer. The copy stays
 * as that layer's snapshot, under the call's lease: it needs no unpacking any more.
 */
export async function changedLayer(
  daemon: Daemon,
  image: LoadedImage | undefined,
  call: CallContext,
  work: (rootFd: number) => Promise<void>,
): Promise<StepLayer> {
  const { snapshotter } = daemon.images;
  const { snapshots } = daemon.services;
  const parent = image ? await daemon.images.unpack(image, call) : "";
  const key = newKey("build");
  const { mounts } = await snapshots.prepare({ snapshotter, key, parent, labels: {} }, call);
  try {
    await onMounted(daemon, key, mounts, false, work);
    const layer = await diffAgainst(daemon, parent, key, mounts, call);
    if (layer.diffId !== EMPTY_TAR) {
      const below = image?.config.rootfs.diff_ids ?? [];
      const name = chainIds([...below, layer.diffId]).at(-1)!;
      await commitSnapshot(daemon, key, name, call);
    }
    return layer;
  } finally {
    // What was committed has another name by now.
    await snapshots.remove({ snapshotter, key }, call).catch(() => undefined);
  }
}

/** The same layer on the same ones below may be there already: then that one serves. */
async function commitSnapshot(
  daemon: Daemon,
  key: string,
  name: string,
  call: CallContext,
): Promise<void> {
  const { snapshotter } = daemon.images;
  try {
    await daemon.services.snapshots.commit({ snapshotter, name, key, labels: {} }, call);
  } catch (error) {
    if (!(error instanceof ChainError) || error.outer.code !== "already_exists") throw error;
  }
}

async function diffAgainst(
  daemon: Daemon,
  parent: string,
  key: string,
  mounts: SnapshotMounts,
  call: CallContext,
): Promise<StepLayer> {
  const { snapshotter } = daemon.images;
  const { snapshots, diff: differ } = daemon.services;
  const lower = newKey("build-base");
  const left = await snapshots.view({ snapshotter, key: lower, parent, labels: {} }, call);
  try {
    const request = { left: left.mounts, right: mounts, mediaType: MEDIA.layer, ref: key };
    const { diff } = await differ.diff({ ...request, labels: {} }, call);
    if (!diff) throw broken("build", "containerd made no layer of the changes");
    const { mediaType, digest, size } = diff;
    // An uncompressed layer's digest is its diff id.
    return { descriptor: { mediaType, digest, size: Number(size) }, diffId: digest };
  } finally {
    await snapshots.remove({ snapshotter, key: lower }, call).catch(() => undefined);
  }
}

/** Runs `work` on an image's files, read-only. */
export async function withImageRoot<T>(
  daemon: Daemon,
  image: LoadedImage,
  call: CallContext,
  work: (rootFd: number) => Promise<T>,
): Promise<T> {
  const { snapshotter } = daemon.images;
  const { snapshots } = daemon.services;
  const parent = await daemon.images.unpack(image, call);
  const key = newKey("build-source");
  const { mounts } = await snapshots.view({ snapshotter, key, parent, labels: {} }, call);
  try {
    return await onMounted(daemon, key, mounts, true, work);
  } finally {
    await snapshots.remove({ snapshotter, key }, call).catch(() => undefined);
  }
}

async function onMounted<T>(
  daemon: Daemon,
  key: string,
  mounts: SnapshotMounts,
  readonly: boolean,
  work: (rootFd: number) => Promise<T>,
): Promise<T> {
  const rootfs = daemon.mounts.mount(key, mounts, readonly);
  try {
    const rootFd = openRoot(rootfs);
    try {
      return await work(rootFd);
    } finally {
      closeSync(rootFd);
    }
  } finally {
    daemon.mounts.unmount(key);
  }
}
