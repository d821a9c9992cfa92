import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { MS, mount, UMOUNT, unmount } from "#lib/linux/mount.ts";
import { compactLayers, MAX_MOUNT_DATA_BYTES, withinFolder } from "#lib/linux/overlay_layers.ts";

/** A mount as a Create request names it. */
export interface RootfsMount {
  type: string;
  source: string;
  /** Below the root; empty for the root itself. */
  target: string;
  options: string[];
}

const MS_SYNCHRONOUS = 16;
const MS_MANDLOCK = 64;
const MS_DIRSYNC = 128;
const MS_NOATIME = 1024;
const MS_NODIRATIME = 2048;
const MS_RELATIME = 1 << 21;
const MS_STRICTATIME = 1 << 24;

/** Options that are flags: what they set, or clear. */
const FLAGS: Record<string, { set?: number; clear?: number }> = {
  async: { clear: MS_SYNCHRONOUS },
  atime: { clear: MS_NOATIME },
  bind: { set: MS.BIND },
  defaults: {},
  dev: { clear: MS.NODEV },
  diratime: { clear: MS_NODIRATIME },
  dirsync: { set: MS_DIRSYNC },
  exec: { clear: MS.NOEXEC },
  mand: { set: MS_MANDLOCK },
  noatime: { set: MS_NOATIME },
  nodev: { set: MS.NODEV },
  nodiratime: { set: MS_NODIRATIME },
  noexec: { set: MS.NOEXEC },
  nomand: { clear: MS_MANDLOCK },
  norelatime: { clear: MS_RELATIME },
  nostrictatime: { clear: MS_STRICTATIME },
  nosuid: { set: MS.NOSUID },
  rbind: { set: MS.BIND | MS.REC },
  relatime: { set: MS_RELATIME },
  remount: { set: MS.REMOUNT },
  ro: { set: MS.RDONLY },
  rw: { clear: MS.RDONLY },
  strictatime: { set: MS_STRICTATIME },
  suid: { clear: MS.NOSUID },
  sync: { set: MS_SYNCHRONOUS },
};

const PROPAGATION: Record<string, number> = {
  private: MS.PRIVATE,
  rprivate: MS.PRIVATE | MS.REC,
  shared: MS.SHARED,
  rshared: MS.SHARED | MS.REC,
  slave: MS.SLAVE,
  rslave: MS.SLAVE | MS.REC,
  unbindable: MS.UNBINDABLE,
  runbindable: MS.UNBINDABLE | MS.REC,
};

/** A root is a handful of mounts; one that keeps reappearing is given up. */
const MAX_UNMOUNTS = 128;

/** Splits fstab-like options into mount(2)'s flags, propagation and data. */
export function parseMountOptions(options: readonly string[]): {
  flags: number;
  propagation: number;
  data: string;
} {
  let flags = 0;
  let propagation = 0;
  const data: string[] = [];
  for (const option of options) {
    const flag = FLAGS[option];
    const way = PROPAGATION[option];
    if (flag) flags = (flags | (flag.set ?? 0)) & ~(flag.clear ?? 0);
    else if (way !== undefined) propagation |= way;
    // "loop" is for mount(8); without a device of its own it cannot be honoured, so it reaches the
    // kernel, which refuses it.
    else data.push(option);
  }
  return { flags, propagation, data: data.join(",") };
}

/** Mounts what makes up BUNDLE/rootfs, in order. Undoes all of it when one fails. */
export function mountRootfs(bundle: string, mounts: readonly RootfsMount[]): void {
  const rootfs = join(bundle, "rootfs");
  mkdirSync(rootfs, { recursive: true, mode: 0o711 });
  for (const item of mounts) {
    try {
      mountOne(rootfs, item);
    } catch (thrown) {
      const component = `component of type ${item.type || "bind"} from ${item.source}`;
      const error = toChainError(thrown, "shim", "mount rootfs").wrap({
        layer: "shim",
        op: "mount rootfs",
        code: "unknown",
        message: `failed to mount rootfs ${component}`,
        evidence: [{ kind: "path", value: `options ${item.options.join(",")}`, ref: rootfs }],
      });
      unmountRootfs(bundle);
      throw error;
    }
  }
}

function mountOne(rootfs: string, item: RootfsMount): void {
  const target = item.target === "" ? rootfs : targetBelow(rootfs, item.target);
  const { flags, propagation, data } = parseMountOptions(item.options);
  const bind = (flags & MS.BIND) !== 0;
  const type = bind ? null : item.type;
  const { folder, options } = compactLayers(data);
  if (Buffer.byteLength(options) > MAX_MOUNT_DATA_BYTES) {
    throw failure({
      layer: "shim",
      op: "mount rootfs",
      code: "invalid_argument",
      message: "mount options is too long",
      cause: `these options take ${options.length} bytes, the kernel ${MAX_MOUNT_DATA_BYTES}`,
      fix: "use fewer layers, or a shorter path of the snapshotter's folder",
    });
  }
  withinFolder(folder, () => {
    mount(item.source, target, type, flags, options === "" ? null : options);
    // A bind mount takes no other flags at first: they need a second call.
    if (bind && (flags & ~(MS.BIND | MS.REC)) !== 0) {
      mount(item.source, target, null, flags | MS.REMOUNT, options === "" ? null : options);
    }
    if (propagation !== 0) mount("", target, null, propagation);
  });
}

/** A target is taken below the root: no path may climb out of it. */
function targetBelow(rootfs: string, target: string): string {
  const path = join(rootfs, target);
  if (path === rootfs || path.startsWith(`${rootfs}/`)) return path;
  const message = `mount target ${target} leaves the root`;
  throw failure({ layer: "shim", op: "mount rootfs", code: "invalid_argument", message });
}

/** Unmounts everything at or below BUNDLE/rootfs, innermost first. Busy mounts are detached. */
export function unmountRootfs(bundle: string): void {
  const rootfs = join(bundle, "rootfs");
  if (unmountAlone(rootfs)) return;
  const below = mountPoints().filter((point) => point === rootfs || point.startsWith(`${rootfs}/`));
  for (const point of below.reverse().slice(0, MAX_UNMOUNTS)) {
    try {
      unmount(point, UMOUNT.NOFOLLOW);
    } catch (thrown) {
      if ((thrown as { code?: string }).code !== "EBUSY") throw thrown;
      unmount(point, UMOUNT.DETACH | UMOUNT.NOFOLLOW);
    }
  }
}

/**
 * Unmounts a root below which nothing is mounted, as most are. False when there is more to it: the
 * table of mounts, which grows with every container, then has to be read.
 */
function unmountAlone(rootfs: string): boolean {
  try {
    // Were something mounted below, it would be busy.
    unmount(rootfs, UMOUNT.NOFOLLOW);
  } catch {
    return false;
  }
  try {
    unmount(rootfs, UMOUNT.NOFOLLOW);
    return false;
  } catch (thrown) {
    return (thrown as { code?: string }).code === "EINVAL";
  }
}

/** Mount points of this process's namespace, in the order they were mounted. */
function mountPoints(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4])
    .filter((point) => point !== undefined)
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, digits: string) => octal(digits)));
}

function octal(digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}
