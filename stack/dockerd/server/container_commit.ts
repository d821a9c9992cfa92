import { randomBytes } from "node:crypto";
import { type Descriptor, MEDIA } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerConfig } from "#wire/docker-api/types/container_config.ts";
import type { ContainerCommitOptions } from "#wire/docker-api/types/image.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { applyChanges } from "../images/dockerfile_changes.ts";
import type { LoadedImage } from "../images/image_types.ts";
import { ensureInitLayer } from "../images/init_layer.ts";
import { repoTagName } from "../images/reference.ts";
import { broken, conflict } from "../refusals.ts";
import { nowText } from "../wall_clock.ts";

const op = "commit container";

/** POST /commit: the container's changes as one more layer on its image. */
export async function containerCommit(
  daemon: Daemon,
  options: ContainerCommitOptions,
  context: CallContext,
): Promise<{ Id: string }> {
  const container = daemon.find(options.container);
  const name = repoTagName(options.repo, options.tag);
  const { record } = container;
  if (container.removing || record.state.dead) {
    throw conflict(op, `You cannot commit container ${container.id} which is Dead`);
  }
  const config = applyChanges(mergeConfig(record.config, options.config), options.changes);
  const base = await daemon.images.find(record.imageId, daemon.call(context));
  const image = await daemon.images.leased(daemon.call(context), async (call) => {
    const layer = await withPause(daemon, container, options.pause, call, () =>
      diffLayer(daemon, container, base, call),
    );
    const created = nowText();
    return daemon.images.add(
      {
        architecture: base.config.architecture,
        os: base.config.os,
        created,
        ...(options.author ? { author: options.author } : {}),
        config,
        rootfs: {
          type: "layers",
          diff_ids: [...base.config.rootfs.diff_ids, layer.diffId],
        },
        history: [
          ...(base.config.history ?? []),
          { created, created_by: record.args.join(" "), comment: options.comment },
        ],
      },
      [...base.manifest.layers, layer.descriptor],
      name,
      call,
    );
  });
  daemon.events.container(container, "commit", { comment: options.comment, imageID: image.id });
  return { Id: image.id };
}

/** What the client gave replaces the container's; the rest of the container's stays. */
function mergeConfig(own: ContainerConfig, given: ContainerConfig | undefined): ContainerConfig {
  const out: ContainerConfig = { ...own };
  for (const [key, value] of Object.entries(given ?? {})) {
    const empty =
      value === null ||
      value === "" ||
      value === false ||
      (Array.isArray(value) && value.length === 0);
    if (!empty) Object.assign(out, { [key]: value });
  }
  return out;
}

async function withPause<T>(
  daemon: Daemon,
  container: Container,
  pause: boolean,
  call: CallContext,
  work: () => Promise<T>,
): Promise<T> {
  const { state } = container.record;
  if (!pause || !state.running || state.paused || state.restarting) return work();
  return container.lock.run(async () => {
    await daemon.services.tasks.pause({ containerId: container.id }, call);
    try {
      return await work();
    } finally {
      await daemon.services.tasks.resume({ containerId: container.id }, call);
    }
  });
}

/** What a stopped container changed of its image, as a layer. */
export async function changesLayer(
  daemon: Daemon,
  container: Container,
  call: CallContext,
): Promise<{ descriptor: Descriptor; diffId: string }> {
  const base = await daemon.images.find(container.record.imageId, call);
  return diffLayer(daemon, container, base, call);
}

async function diffLayer(
  daemon: Daemon,
  container: Container,
  base: LoadedImage,
  call: CallContext,
): Promise<{ descriptor: Descriptor; diffId: string }> {
  const { snapshotter } = container.record;
  const key = `commit-${randomBytes(8).toString("hex")}`;
  const parent = await ensureInitLayer(daemon, base, call);
  const { snapshots } = daemon.services;
  const left = await snapshots.view({ snapshotter, key, parent, labels: {} }, call);
  try {
    const right = await snapshots.mounts({ snapshotter, key: container.id }, call);
    const { diff } = await daemon.services.diff.diff(
      { left: left.mounts, right: right.mounts, mediaType: MEDIA.layer, ref: key, labels: {} },
      call,
    );
    if (!diff) throw broken(op, "containerd made no layer of the changes");
    const descriptor = {
      mediaType: diff.mediaType,
      digest: diff.digest,
      size: Number(diff.size),
    };
    // An uncompressed layer's digest is its diff id.
    return { descriptor, diffId: diff.digest };
  } finally {
    await snapshots.remove({ snapshotter, key }, call).catch(() => undefined);
  }
}
