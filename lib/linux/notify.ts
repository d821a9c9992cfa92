import { nativeAddon } from "./native_addon.ts";

interface NotifyCalls {
  notifySend(host: string, text: string): boolean;
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

/**
 * Tells the service manager that started us how we do (sd_notify): `READY=1`, `STOPPING=1`. Returns
 * whether there is one and it was told.
 */
export function notifyManager(text: string, host: string | undefined): boolean {
  return host !== undefined && host !== "" && calls().notifySend(host, text);
}
