import { nativeAddon } from "#lib/linux/native_addon.ts";
import type { Layer } from "../errors/frame.ts";

/** W3C trace context: what is passed on from link to link. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 hexadecimal digits: the parent of the next link's spans. */
  spanId: string;
  sampled: boolean;
  /** W3C tracestate: other tracers' own words, passed on as they came. */
  state?: string;
}

/**
 * A finished span. Times are CLOCK_MONOTONIC nanoseconds: the same clock in every process of a
 * host, init included, so spans of one trace line up without correction.
 */
export interface SpanRecord {
  traceId: string;
  spanId: string;
  parentId?: string;
  layer: Layer;
  name: string;
  startNs: number;
  endNs: number;
  attributes?: Record<string, string | number | boolean>;
  /** Set when the spanned work failed: the joined message. */
  error?: string;
}

/** What process.hrtime lacks to be CLOCK_MONOTONIC: in Bun it counts from the process's start. */
let hrtimeOffsetNs: number | undefined;

/** Now, in CLOCK_MONOTONIC nanoseconds (exact to about 2 ns for the first 208 days of uptime). */
export function monotonicNs(): number {
  const sinceStart = Number(process.hrtime.bigint());
  hrtimeOffsetNs ??= clockMonotonic() - sinceStart;
  return sinceStart + hrtimeOffsetNs;
}

function clockMonotonic(): number {
  return nativeAddon<{ clockMonotonic(): number }>().clockMonotonic();
}

/** Share of the traces begun by this process that are sampled. */
let headRatio = 1;

/**
 * Sets which share of the traces that begin in this process is sampled, 0 to 1. A caller's own
 * decision, in its traceparent, stands. What fails or is slow is recorded all the same (Span.end).
 */
export function setHeadSampling(ratio: number): void {
  headRatio = ratio;
}

/** Starts a trace: fresh ids, sampled or not by the share that is set. */
export function newTraceContext(): TraceContext {
  const traceId = randomHex(16);
  return { traceId, spanId: newSpanId(), sampled: isInShare(traceId, headRatio) };
}

/** The same decision for a trace everywhere: by the last seven bytes of its id (W3C level 2). */
export function isInShare(traceId: string, ratio: number): boolean {
  return ratio >= 1 || Number.parseInt(traceId.slice(-14), 16) < ratio * 2 ** 56;
}

/** A fresh span id: 16 hexadecimal digits. */
export function newSpanId(): string {
  return randomHex(8);
}

/** The kernel's own: the first use of Web Crypto costs a short command 0.2 ms, of node:crypto 2. */
function randomHex(bytes: number): string {
  return nativeAddon<{ randomHex(bytes: number): string }>().randomHex(bytes);
}

/** What W3C asks everybody to pass on at least; a longer one may be dropped. */
const MAX_STATE = 512;

/**
 * Reads a `traceparent` header (W3C Trace Context, level 1), and the `tracestate` beside it.
 * Undefined when the first is not valid; a second that is not valid is left out.
 */
export function parseTraceparent(
  header: string | undefined,
  state?: string,
): TraceContext | undefined {
  const match = header?.match(/^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/);
  if (!match || match[1] === "ff") return undefined;
  const [, version, traceId, spanId, flags, rest] = match;
  if (version === "00" && rest !== undefined) return undefined;
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return undefined;
  const sampled = (Number.parseInt(flags!, 16) & 1) === 1;
  const context: TraceContext = { traceId: traceId!, spanId: spanId!, sampled };
  if (state && state.length <= MAX_STATE && /^[\x20-\x7e]+$/.test(state)) context.state = state;
  return context;
}

/** Writes a `traceparent` header. */
export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? "01" : "00"}`;
}
