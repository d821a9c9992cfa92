import { nativeAddon } from "./native_addon.ts";

interface MountCalls {
  mount(
    source: string | null,
    target: string,
    type: string | null,
    flags: number,
    data: string | null,
  ): void;
  umount2(target: string, flags: number): void;
  mknod(path: string, mode: number, major: number, minor: number): void;
  statfsType(path: string): number;
}

/** mount(2) flags, as in <sys/mount.h>. */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
} as const;

/** umount2(2) flags. */
export const UMOUNT = { FORCE: 1, DETACH: 2, NOFOLLOW: 8 } as const;

/** mount(2). Throws a system error with code, syscall and path. */
export function mount(
  source: string | null,
  target: string,
  type: string | null,
  flags: number,
  data: string | null = null,
): void {
  nativeAddon<MountCalls>().mount(source, target, type, flags, data);
}

/** umount2(2). */
export function unmount(target: string, flags = 0): void {
  nativeAddon<MountCalls>().umount2(target, flags);
}

/** mknod(2); `mode` carries the file type. */
export function makeNode(path: string, mode: number, major: number, minor: number): void {
  nativeAddon<MountCalls>().mknod(path, mode, major, minor);
}

/** The magic number of the file system that holds `path` (statfs(2) f_type). */
export function fileSystemType(path: string): number {
  return nativeAddon<MountCalls>().statfsType(path);
}
