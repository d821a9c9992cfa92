import { randomBytes } from "node:crypto";
import { closeSync, existsSync, symlinkSync, writeFileSync } from "node:fs";
import { create } from "@bufbuild/protobuf";
import { InfoSchema } from "#gen/wire/containerd-api/proto/content_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import { O } from "#lib/linux/open_flag.ts";
import { openInRoot } from "#lib/linux/rooted_path.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { Daemon } from "../daemon.ts";
import { makeRootedFolder, withRoot } from "../rootfs/rooted_files.ts";
import type { LoadedImage } from "./image_types.ts";

/** Mount points that every container has, and the file by which programs know a container. */
const FOLDERS = ["/dev/pts", "/dev/shm", "/proc", "/sys", "/etc", "/dev"];
const FILES = ["/dev/console", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/.dockerenv"];

const ready = new WeakMap<Daemon, Set<string>>();

/**
 * The snapshot that an image's containers start from: its layers and, above them, one layer with
 * the mount points that a runtime needs. It is made once an image, so that they are no change of
 * the container's own. Returns the snapshot's name.
 */
export async function ensureInitLayer(
  daemon: Daemon,
  image: LoadedImage,
  call: CallContext,
): Promise<string> {
  const parent = await daemon.images.unpack(image, call);
  const name = `catena-init ${parent}`;
  const known = ready.get(daemon) ?? new Set();
  ready.set(daemon, known);
  if (known.has(name)) return name;
  const { snapshotter } = daemon.images;
  const { snapshots } = daemon.services;
  try {
    await snapshots.stat({ snapshotter, key: name }, call);
  } catch (error) {
    if (!(error instanceof ChainError) || error.outer.code !== "not_found") throw error;
    await daemon.images.leased(call, (leased) => makeLayer(daemon, image, parent, name, leased));
  }
  known.add(name);
  return name;
}

/** The image's content was removed: its init layer may be gone with it. */
export function forgetInitLayers(daemon: Daemon): void {
  ready.delete(daemon);
}

async function makeLayer(
  daemon: Daemon,
  image: LoadedImage,
  parent: string,
  name: string,
  call: CallContext,
): Promise<void> {
  const { snapshotter } = daemon.images;
  const { snapshots, content } = daemon.services;
  const key = `init-${randomBytes(8).toString("hex")}`;
  const { mounts } = await snapshots.prepare({ snapshotter, key, parent, labels: {} }, call);
  try {
    const rootfs = daemon.mounts.mount(key, mounts);
    try {
      withRoot(rootfs, fillRoot);
    } finally {
      daemon.mounts.unmount(key);
    }
    await snapshots.commit({ snapshotter, name, key, labels: {} }, call);
  } catch (error) {
    await snapshots.remove({ snapshotter, key }, call).catch(() => undefined);
    if (!(error instanceof ChainError) || error.outer.code !== "already_exists") throw error;
  }
  // The layer lives as long as the image's configuration refers to it.
  const label = `containerd.io/gc.ref.snapshot.${snapshotter}/init`;
  const info = create(InfoSchema, { digest: image.id, labels: { [label]: name } });
  await content.update({ info, updateMask: { paths: [`labels.${label}`] } }, call);
}

function fillRoot(rootFd: number): void {
  for (const folder of FOLDERS) makeRootedFolder(rootFd, folder, 0, 0);
  for (const file of FILES) makeFile(rootFd, file);
  const etc = openInRoot(rootFd, "/etc", O.PATH | O.DIRECTORY);
  try {
    const mtab = `/proc/self/fd/${etc}/mtab`;
    if (!existsSync(mtab)) makeMtab(mtab);
  } finally {
    closeSync(etc);
  }
}

function makeMtab(path: string): void {
  try {
    symlinkSync("/proc/mounts", path);
  } catch (error) {
    // A link that dangles here is right inside the container.
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}

function makeFile(rootFd: number, path: string): void {
  const at = path.lastIndexOf("/");
  const parent = openInRoot(rootFd, path.slice(0, at) || "/", O.PATH | O.DIRECTORY);
  try {
    const place = `/proc/self/fd/${parent}/${path.slice(at + 1)}`;
    writeFileSync(place, "", { flag: "wx", mode: 0o755 });
  } catch (error) {
    // The image brings it, as a file, a link or a folder: it stays as it is.
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  } finally {
    closeSync(parent);
  }
}
