import { nativeAddon } from "./native_addon.ts";

interface RootedCalls {
  openInRoot(rootFd: number, path: string, flags: number, mode: number): number;
}

/**
 * Opens `path` as it would be seen with `rootFd`'s folder as `/`: `..` and links, absolute ones
 * too, cannot lead out, whatever is renamed meanwhile (openat2 with RESOLVE_IN_ROOT). `flags` are
 * open(2)'s; the descriptor is close-on-exec. Throws a system error.
 */
export function openInRoot(rootFd: number, path: string, flags: number, mode = 0): number {
  return nativeAddon<RootedCalls>().openInRoot(rootFd, path, flags, mode);
}
