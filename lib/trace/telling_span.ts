import type { SpanRecord } from "./span.ts";

/** Requests that last as long as a container, a program or their reader does. */
const WAITS = /(?:^|[./ ])(?:wait|attach|logs|stats|events|subscribe|exec\.start)$/i;

/**
 * Whether a span took long where it should not: one that only waits for a program's end, as the
 * command line's own does, is never slow. The spans below it still can be.
 */
export function isSlow({ layer, name, startNs, endNs }: SpanRecord, thresholdNs: number): boolean {
  return endNs - startNs >= thresholdNs && layer !== "cli" && !WAITS.test(name);
}

/** Requests that ask whether something is there. */
const LOOKUPS = /\.(?:stat|get|info|status|inspect|exists)$/i;
const ABSENT = /not found|no such|does not exist/i;

/** Whether a span's error is a failure: that a look-up finds nothing is an answer. */
export function isFailure({ name, error }: SpanRecord): boolean {
  return error !== undefined && !(LOOKUPS.test(name) && ABSENT.test(error));
}
