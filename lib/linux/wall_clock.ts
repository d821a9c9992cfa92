import { nativeAddon } from "./native_addon.ts";

/**
 * Now, in whole microseconds since 1970 (CLOCK_REALTIME). Bun's Date knows milliseconds only: what
 * a client asked for would be stamped with a time before it asked.
 */
export function wallClockUs(): number {
  return nativeAddon<{ clockRealtimeUs(): number }>().clockRealtimeUs();
}
