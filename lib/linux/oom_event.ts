import { nativeAddon } from "./native_addon.ts";

interface OomEventCalls {
  oomEventDescriptor(folder: string): number;
  takeEvents(fd: number): number;
}

const calls = () => nativeAddon<OomEventCalls>();

/**
 * A descriptor that becomes readable when a v1 memory cgroup runs out of memory, and once more when
 * the cgroup is removed.
 */
export const oomEventDescriptor = (folder: string) => calls().oomEventDescriptor(folder);
/** How many events came since the last call. */
export const takeEvents = (fd: number) => calls().takeEvents(fd);
