import { formatTraceparent, parseTraceparent } from "#lib/trace/span.ts";
import type { CallContext } from "./service.ts";

export const NAMESPACE_HEADER = "containerd-namespace";
export const LEASE_HEADER = "containerd-lease";
export const TRACE_HEADER = "traceparent";
export const TRACE_STATE_HEADER = "tracestate";
export const DETAILS_TRAILER = "grpc-status-details-bin";

/** The fields that carry a call's context. */
export function contextFields(context: CallContext): [name: string, value: string][] {
  const fields: [string, string][] = [];
  if (context.namespace) fields.push([NAMESPACE_HEADER, context.namespace]);
  if (context.lease) fields.push([LEASE_HEADER, context.lease]);
  if (context.trace) fields.push([TRACE_HEADER, formatTraceparent(context.trace)]);
  if (context.trace?.state) fields.push([TRACE_STATE_HEADER, context.trace.state]);
  return fields;
}

/** What the fields of an incoming call say; `signal` tells its end. */
export function contextOf(
  field: (name: string) => string | undefined,
  timeoutMs: number | undefined,
  signal: AbortSignal,
): CallContext {
  const context: CallContext = { signal };
  const namespace = field(NAMESPACE_HEADER);
  if (namespace) context.namespace = namespace;
  const lease = field(LEASE_HEADER);
  if (lease) context.lease = lease;
  const trace = parseTraceparent(field(TRACE_HEADER), field(TRACE_STATE_HEADER));
  if (trace) context.trace = trace;
  if (timeoutMs !== undefined) context.timeoutMs = timeoutMs;
  return context;
}
