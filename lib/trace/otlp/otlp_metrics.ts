import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AggregationTemporality,
  type ExportMetricsServiceRequest,
  ExportMetricsServiceRequestSchema,
  type MetricSchema,
} from "#gen/lib/trace/proto/otlp_pb.ts";
import { otlpAttributes, otlpResource, SCOPE } from "./otlp_values.ts";

/** A metric with the values of one moment; names and meanings as Prometheus has them. */
export interface NumberMetric {
  name: string;
  help: string;
  type: "counter" | "gauge";
  points: { labels: Record<string, string>; value: number }[];
}

const NS_PER_MS = 1_000_000n;

/** Metrics as the body of POST /v1/metrics. Times are milliseconds since 1970. */
export function otlpMetrics(
  metrics: readonly NumberMetric[],
  startMs: number,
  nowMs: number,
  host: string,
): ExportMetricsServiceRequest {
  const filled = metrics.filter(({ points }) => points.length > 0);
  return create(ExportMetricsServiceRequestSchema, {
    resourceMetrics: [
      {
        resource: otlpResource("monitor", host),
        scopeMetrics: [
          { scope: SCOPE, metrics: filled.map((metric) => otlpMetric(metric, startMs, nowMs)) },
        ],
      },
    ],
  });
}

function otlpMetric(
  { name, help, type, points }: NumberMetric,
  startMs: number,
  nowMs: number,
): MessageInitShape<typeof MetricSchema> {
  const dataPoints = points.map(({ labels, value }) => ({
    startTimeUnixNano: type === "counter" ? BigInt(startMs) * NS_PER_MS : 0n,
    timeUnixNano: BigInt(nowMs) * NS_PER_MS,
    attributes: otlpAttributes(labels),
    value: { case: "asDouble" as const, value },
  }));
  const unit = /_seconds(_total)?$/.test(name) ? "s" : /_bytes$/.test(name) ? "By" : "1";
  const about = { name, description: help, unit };
  if (type === "gauge") return { ...about, data: { case: "gauge", value: { dataPoints } } };
  const aggregationTemporality = AggregationTemporality.CUMULATIVE;
  const sum = { dataPoints, aggregationTemporality, isMonotonic: true };
  return { ...about, data: { case: "sum", value: sum } };
}
