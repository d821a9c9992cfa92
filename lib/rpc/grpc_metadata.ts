import { Metadata } from "@grpc/grpc-js";
import { formatTraceparent, parseTraceparent } from "#lib/trace/span.ts";
import type { CallContext } from "./service.ts";

export const NAMESPACE_HEADER = "containerd-namespace";
export const LEASE_HEADER = "containerd-lease";
export const TRACE_HEADER = "traceparent";
export const TRACE_STATE_HEADER = "tracestate";
export const DETAILS_TRAILER = "grpc-status-details-bin";

/** The headers of a call. */
export function metadataOf(context: CallContext): Metadata {
  const metadata = new Metadata();
  if (context.namespace) metadata.set(NAMESPACE_HEADER, context.namespace);
  if (context.lease) metadata.set(LEASE_HEADER, context.lease);
  if (context.trace) metadata.set(TRACE_HEADER, formatTraceparent(context.trace));
  if (context.trace?.state) metadata.set(TRACE_STATE_HEADER, context.trace.state);
  return metadata;
}

/** What the headers of an incoming call say; `deadline` is grpc-js's, `signal` its cancellation. */
export function contextOf(
  metadata: Metadata,
  deadline: Date | number,
  signal: AbortSignal,
): CallContext {
  const context: CallContext = { signal };
  const namespace = text(metadata, NAMESPACE_HEADER);
  if (namespace) context.namespace = namespace;
  const lease = text(metadata, LEASE_HEADER);
  if (lease) context.lease = lease;
  const state = text(metadata, TRACE_STATE_HEADER);
  const trace = parseTraceparent(text(metadata, TRACE_HEADER), state);
  if (trace) context.trace = trace;
  const timeoutMs = Number(deadline) - Date.now();
  if (Number.isFinite(timeoutMs)) context.timeoutMs = timeoutMs;
  return context;
}

function text(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === "string" ? value : undefined;
}
