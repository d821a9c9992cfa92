import { mkdirSync, readFileSync, rmdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Mount } from "#gen/wire/containerd-api/proto/types/mount_pb.ts";
import { MS, mount, UMOUNT, unmount } from "#lib/linux/mount.ts";
import { broken } from "../refusals.ts";

/** The kernel takes one page of mount options. */
const MAX_DATA_BYTES = 4000;
const MS_NOATIME = 1024;
const MS_NODIRATIME = 2048;
const MS_RELATIME = 1 << 21;

const FLAGS: Record<string, number> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  bind: MS.BIND,
  rbind: MS.BIND | MS.REC,
  noatime: MS_NOATIME,
  nodiratime: MS_NODIRATIME,
  relatime: MS_RELATIME,
  rw: 0,
  defaults: 0,
};

/** Splits mount options as fstab has them into flags and the file system's own data. */
export function parseMountOptions(options: readonly string[]): { flags: number; data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    const flag = FLAGS[option];
    if (flag === undefined) data.push(option);
    else flags |= flag;
  }
  return { flags, data: data.join(",") };
}

/**
 * Mounts root file systems from the snapshotter's mounts, in the host's mount namespace, where the
 * runtime takes them from and where `cp` and the user lookup read them.
 */
export class RootfsMounts {
  readonly #folder: string;
  readonly #links: string;
  #nextLink = 0;
  readonly #shortened = new Map<string, string>();

  constructor(root: string) {
    this.#folder = join(root, "rootfs");
    this.#links = join(root, "l");
    mkdirSync(this.#folder, { recursive: true, mode: 0o711 });
  }

  path(id: string): string {
    return join(this.#folder, id);
  }

  /** Mounts a snapshot at the container's path and returns it. */
  mount(id: string, mounts: readonly Mount[], readonly = false): string {
    const target = this.path(id);
    mkdirSync(target, { recursive: true, mode: 0o711 });
    try {
      for (const item of mounts) this.#mountOne(item, target, readonly);
    } catch (error) {
      this.unmount(id);
      throw error;
    }
    return target;
  }

  #mountOne(item: Mount, target: string, readonly: boolean): void {
    let { flags, data } = parseMountOptions(item.options);
    if (readonly) flags |= MS.RDONLY;
    if (data.length > MAX_DATA_BYTES) data = this.#shortData(data);
    const bind = (flags & MS.BIND) !== 0;
    mount(item.source, target, item.type, flags & ~(bind ? MS.RDONLY : 0), bind ? null : data);
    if (bind && (flags & MS.RDONLY) !== 0) {
      mount(null, target, null, MS.REMOUNT | MS.BIND | MS.RDONLY);
    }
  }

  /** Many layers make long options: lower folders are named through short links. */
  #shortData(data: string): string {
    const options = data.split(",").map((option) => {
      if (!option.startsWith("lowerdir=")) return option;
      const folders = option.slice("lowerdir=".length).split(":");
      return `lowerdir=${folders.map((folder) => this.#shortLink(folder)).join(":")}`;
    });
    const short = options.join(",");
    if (short.length > MAX_DATA_BYTES)
      throw broken("mount rootfs", "the image has too many layers");
    return short;
  }

  #shortLink(folder: string): string {
    const known = this.#shortened.get(folder);
    if (known) return known;
    mkdirSync(this.#links, { recursive: true, mode: 0o700 });
    for (;;) {
      const link = join(this.#links, (this.#nextLink++).toString(36));
      try {
        symlinkSync(folder, link);
      } catch (error) {
        if ((error as { code?: string }).code === "EEXIST") continue;
        throw error;
      }
      this.#shortened.set(folder, link);
      return link;
    }
  }

  /** Unmounts and removes the mount point. What is not mounted is no error. */
  unmount(id: string): void {
    const target = this.path(id);
    for (;;) {
      try {
        unmount(target, UMOUNT.DETACH | UMOUNT.NOFOLLOW);
      } catch {
        break;
      }
    }
    try {
      rmdirSync(target);
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  }

  /** Containers whose root is mounted now, by the kernel's own list. */
  mounted(): Set<string> {
    const prefix = `${this.#folder}/`;
    const ids = new Set<string>();
    for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
      const path = line.split(" ")[4] ?? "";
      if (path.startsWith(prefix)) ids.add(path.slice(prefix.length));
    }
    return ids;
  }
}
