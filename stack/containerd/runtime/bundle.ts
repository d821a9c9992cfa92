import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UMOUNT, unmount } from "#lib/linux/mount.ts";
import { refuse } from "../metadata/refusal.ts";

/** Mounts that may be stacked on one rootfs. */
const MAX_STACKED_MOUNTS = 64;

/** Where the bundles of all tasks lie. */
export interface BundleRoots {
  /** `<state>/io.containerd.runtime.v2.task`: gone after a reboot. */
  state: string;
  /** `<root>/io.containerd.runtime.v2.task`: the work folders, which stay. */
  root: string;
}

/** The folder in which a shim and its runtime work on one container. */
export interface Bundle {
  namespace: string;
  id: string;
  path: string;
}

/** Names the bundle of a task, whether it exists or not. */
export function bundleOf({ state }: BundleRoots, namespace: string, id: string): Bundle {
  return { namespace, id, path: join(state, namespace, id) };
}

/** Makes a bundle with its config.json. A failure leaves nothing behind. */
export function createBundle(
  roots: BundleRoots,
  namespace: string,
  id: string,
  spec: Uint8Array,
): Bundle {
  const bundle = bundleOf(roots, namespace, id);
  const work = join(roots.root, namespace, id);
  mkdirSync(dirname(bundle.path), { recursive: true, mode: 0o711 });
  mkdirSync(dirname(work), { recursive: true, mode: 0o711 });
  try {
    mkdirSync(bundle.path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw refuse("already_exists", `bundle ${bundle.path}`, {
      cause: "a task of this id was not cleaned up",
      fix: "restart containerd, which cleans up after dead shims",
    });
  }
  try {
    openToMappedGroup(bundle.path, spec);
    mkdirSync(join(bundle.path, "rootfs"), { mode: 0o711 });
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { mode: 0o711 });
    symlinkSync(work, join(bundle.path, "work"));
    writeFileSync(join(bundle.path, "config.json"), spec);
  } catch (error) {
    rmSync(bundle.path, { recursive: true, force: true });
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
  return bundle;
}

/** Unmounts the rootfs and removes a bundle and its work folder. What is gone is no failure. */
export function deleteBundle(bundle: Bundle): void {
  const work = linkTarget(join(bundle.path, "work"));
  const rootfs = join(bundle.path, "rootfs");
  unmountAll(rootfs);
  try {
    // Not recursive: were something still mounted here, its files must not be deleted.
    rmdirSync(rootfs);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  removeAtomically(bundle.path);
  if (work) removeAtomically(work);
}

/** Unmounts everything that is stacked on a folder. */
export function unmountAll(path: string): void {
  for (let count = 0; count < MAX_STACKED_MOUNTS; count++) {
    try {
      unmount(path, UMOUNT.DETACH | UMOUNT.NOFOLLOW);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EINVAL" || code === "ENOENT") return;
      throw error;
    }
  }
}

/** With a user namespace the container's root must be able to enter its bundle. */
function openToMappedGroup(path: string, spec: Uint8Array): void {
  const gid = mappedRootGroup(spec);
  if (gid === 0) return;
  chownSync(path, -1, gid);
  chmodSync(path, 0o710);
}

function mappedRootGroup(spec: Uint8Array): number {
  interface Mapped {
    linux?: { gidMappings?: { containerID?: number; hostID?: number }[] };
  }
  let parsed: Mapped | null;
  try {
    parsed = JSON.parse(Buffer.from(spec).toString("utf8")) as Mapped | null;
  } catch (error) {
    throw refuse("invalid_argument", `container spec is not JSON: ${(error as Error).message}`);
  }
  const mappings = parsed?.linux?.gidMappings;
  if (!Array.isArray(mappings)) return 0;
  const root = mappings.find((mapping) => (mapping.containerID ?? 0) === 0);
  return Number.isInteger(root?.hostID) ? root!.hostID! : 0;
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Out of sight first, so that a crash never leaves half a bundle under its name. What is out of
 * sight is deleted in the background: the next start would do so too.
 */
function removeAtomically(path: string): void {
  const hidden = join(dirname(path), `.${basename(path)}-${randomBytes(6).toString("hex")}`);
  try {
    renameSync(path, hidden);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  rm(hidden, { recursive: true, force: true }).catch(() => {});
}

/** A small file of a bundle, or undefined when it is not there. */
export function readBundleFile(bundle: Bundle, name: string): string | undefined {
  try {
    return readFileSync(join(bundle.path, name), "utf8").trim();
  } catch {
    return undefined;
  }
}
