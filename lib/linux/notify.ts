import { nativeAddon } from "./native_addon.ts";

interface NotifyCalls {
  notifyListen(path: string): number;
  notifyForward(fd: number, host: string, pid: number): boolean;
}

const calls = () => nativeAddon<NotifyCalls>();

/** A notification socket at `path` that anyone may write to. Returns its descriptor. */
export const notifyListen = (path: string) => calls().notifyListen(path);
/**
 * Takes one waiting message, if any. One that says READY= is passed on to the socket `host`, with
 * `pid` as MAINPID. Returns whether that was done.
 */
export const notifyForward = (fd: number, host: string, pid: number) =>
  calls().notifyForward(fd, host, pid);
