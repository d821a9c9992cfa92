import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
  SpanKind,
  type SpanSchema,
  StatusCode,
} from "#gen/lib/trace/proto/otlp_pb.ts";
import type { Layer } from "../../errors/frame.ts";
import type { SpanRecord } from "../span.ts";
import { otlpAttributes, otlpResource, SCOPE } from "./otlp_values.ts";

/** The W3C flag of a sampled trace: what is exported was sampled or kept as if it was. */
const SAMPLED = 1;
/** Links whose outermost spans answer somebody's request. */
const SERVERS: readonly Layer[] = ["kubelet", "dockershim", "dockerd", "containerd", "shim"];

/**
 * Spans as the body of POST /v1/traces: a resource for each link of the chain. `unixOffsetNs` is
 * what turns CLOCK_MONOTONIC into nanoseconds since 1970.
 */
export function otlpSpans(
  spans: readonly SpanRecord[],
  unixOffsetNs: bigint,
  host: string,
): ExportTraceServiceRequest {
  const byLayer = new Map<Layer, SpanRecord[]>();
  for (const span of spans) {
    const group = byLayer.get(span.layer);
    if (group) group.push(span);
    else byLayer.set(span.layer, [span]);
  }
  return create(ExportTraceServiceRequestSchema, {
    resourceSpans: [...byLayer].map(([layer, group]) => ({
      resource: otlpResource(layer, host),
      scopeSpans: [{ scope: SCOPE, spans: group.map((span) => otlpSpan(span, unixOffsetNs)) }],
    })),
  });
}

function otlpSpan(span: SpanRecord, unixOffsetNs: bigint): MessageInitShape<typeof SpanSchema> {
  const { parentId, error, attributes } = span;
  const time = (ns: number) => BigInt(Math.round(ns)) + unixOffsetNs;
  return {
    traceId: Uint8Array.fromHex(span.traceId),
    spanId: Uint8Array.fromHex(span.spanId),
    parentSpanId: parentId === undefined ? new Uint8Array() : Uint8Array.fromHex(parentId),
    name: span.name,
    kind: kindOf(span.layer),
    startTimeUnixNano: time(span.startNs),
    endTimeUnixNano: time(span.endNs),
    attributes: otlpAttributes(attributes ?? {}),
    status: error === undefined ? {} : { code: StatusCode.ERROR, message: error },
    flags: SAMPLED,
  };
}

function kindOf(layer: Layer): SpanKind {
  if (layer === "cli") return SpanKind.CLIENT;
  return SERVERS.includes(layer) ? SpanKind.SERVER : SpanKind.INTERNAL;
}
