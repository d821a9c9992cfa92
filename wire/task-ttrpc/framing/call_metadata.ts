import type { CallContext } from "#lib/rpc/service.ts";
import { formatTraceparent, parseTraceparent } from "#lib/trace/span.ts";

/** containerd's names for its headers on ttrpc; on gRPC they lack the suffix. */
const NAMESPACE_KEY = "containerd-namespace-ttrpc";
const TRACE_KEY = "traceparent";
const TRACE_STATE_KEY = "tracestate";
const NS_PER_MS = 1_000_000n;
/** A peer's time-out beyond this is none: setTimeout would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface KeyValue {
  key: string;
  value: string;
}

/** What a context puts beside a request. */
export function metadataFromContext(context: CallContext): KeyValue[] {
  const metadata: KeyValue[] = [];
  if (context.namespace) metadata.push({ key: NAMESPACE_KEY, value: context.namespace });
  const { trace } = context;
  if (trace) metadata.push({ key: TRACE_KEY, value: formatTraceparent(trace) });
  if (trace?.state) metadata.push({ key: TRACE_STATE_KEY, value: trace.state });
  return metadata;
}

/** Nanoseconds for the request's timeout field; 0 for none. */
export function timeoutNano(context: CallContext): bigint {
  if (context.timeoutMs === undefined) return 0n;
  return BigInt(Math.max(1, Math.round(context.timeoutMs))) * NS_PER_MS;
}

/** The context of a request that came in. Unknown keys are left alone; the last value wins. */
export function contextFromRequest(
  metadata: readonly KeyValue[],
  timeout: bigint,
): CallContext & { namespace?: string } {
  const context: CallContext = {};
  let traceparent: string | undefined;
  let tracestate: string | undefined;
  for (const { key, value } of metadata) {
    const name = key.toLowerCase();
    if (name === NAMESPACE_KEY) context.namespace = value;
    else if (name === TRACE_KEY) traceparent = value;
    else if (name === TRACE_STATE_KEY) tracestate = value;
  }
  const trace = parseTraceparent(traceparent, tracestate);
  if (trace) context.trace = trace;
  const ms = Number(timeout / NS_PER_MS);
  if (timeout > 0n && ms <= MAX_TIMER_MS) context.timeoutMs = Math.max(1, ms);
  return context;
}
