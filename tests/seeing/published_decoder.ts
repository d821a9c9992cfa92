import { createRequire } from "node:module";
import { dirname, join } from "node:path";

interface AnyAttribute {
  key: string;
  value?: { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean };
}

/** A span as OpenTelemetry's decoder shows it: bytes in base64, long numbers as text. */
export interface DecodedSpan {
  traceId?: string;
  spanId?: string;
  parentSpanId?: string;
  name?: string;
  kind?: string;
  startTimeUnixNano?: string;
  attributes?: AnyAttribute[];
  status?: { code?: string; message?: string };
}

interface DecodedTraces {
  resourceSpans?: {
    resource?: { attributes?: AnyAttribute[] };
    scopeSpans?: { spans?: DecodedSpan[] }[];
  }[];
}

interface DecodedPoint {
  timeUnixNano?: string;
  asDouble?: number;
  attributes?: AnyAttribute[];
}

interface DecodedMetric {
  name?: string;
  unit?: string;
  gauge?: { dataPoints?: DecodedPoint[] };
  sum?: { dataPoints?: DecodedPoint[]; isMonotonic?: boolean; aggregationTemporality?: string };
}

interface DecodedMetrics {
  resourceMetrics?: { scopeMetrics?: { metrics?: DecodedMetric[] }[] }[];
}

interface GeneratedType {
  decode(bytes: Uint8Array): unknown;
  toObject(message: unknown, options: object): unknown;
}

/**
 * What protobufjs generated from OpenTelemetry's published schemas, as their own exporter ships it:
 * an independent reader of what we write. The package does not export it by name.
 */
function generated(service: "trace" | "metrics", name: string): GeneratedType {
  const require = createRequire(import.meta.url);
  const main = require.resolve("@opentelemetry/otlp-transformer");
  const root = require(join(dirname(main), "generated", "root.js")) as {
    opentelemetry: {
      proto: { collector: Record<string, { v1: Record<string, GeneratedType> }> };
    };
  };
  return root.opentelemetry.proto.collector[service]!.v1[name]!;
}

function decode(type: GeneratedType, bytes: Uint8Array): unknown {
  const options = { longs: String, enums: String, bytes: String, json: true };
  return type.toObject(type.decode(bytes), options);
}

/** OpenTelemetry's own decoders of the two requests. */
export const publishedDecoder = {
  traces: (bytes: Uint8Array) =>
    decode(generated("trace", "ExportTraceServiceRequest"), bytes) as DecodedTraces,
  metrics: (bytes: Uint8Array) =>
    decode(generated("metrics", "ExportMetricsServiceRequest"), bytes) as DecodedMetrics,
};
