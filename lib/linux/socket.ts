import { nativeAddon } from "./native_addon.ts";

interface SocketCalls {
  connectUnix(type: number, path: string): number;
  pipe(): [number, number];
}

/**
 * connect(2) to the unix socket `path`; `type` is one of SOCK. Returns the descriptor, which is
 * close-on-exec and the caller's. A path longer than 107 bytes throws ENAMETOOLONG.
 */
export function connectUnix(type: number, path: string): number {
  return nativeAddon<SocketCalls>().connectUnix(type, path);
}

/** pipe2(2) with O_CLOEXEC. Returns the reading and the writing end. */
export function pipe(): [number, number] {
  return nativeAddon<SocketCalls>().pipe();
}
