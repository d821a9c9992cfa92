import { hostname } from "node:os";
import { ExportMetricsServiceRequestSchema } from "#gen/lib/trace/proto/otlp_pb.ts";
import { type OtlpEndpoint, postOtlp } from "#lib/trace/otlp/otlp_client.ts";
import { otlpMetrics } from "#lib/trace/otlp/otlp_metrics.ts";
import { collectMetrics } from "./metric_table.ts";
import type { Monitor } from "./monitor.ts";

const PUSH_MS = 15_000;

/**
 * Sends a monitor's metrics to a collector four times a minute. What it does not take is not sent
 * again: the next values follow. Returns what ends it.
 */
export function pushMetrics(
  monitor: Monitor,
  endpoint: OtlpEndpoint,
  warn: (message: string, fields: Record<string, unknown>) => void,
): () => void {
  const startMs = Date.now();
  let lastReason: string | undefined;
  let busy = false;
  const push = async () => {
    // A collector that hangs gets no second request beside the first.
    if (busy) return;
    busy = true;
    const request = otlpMetrics(collectMetrics(monitor), startMs, Date.now(), hostname());
    const schema = ExportMetricsServiceRequestSchema;
    const { reason } = await postOtlp(endpoint, "/v1/metrics", schema, request);
    if (reason !== undefined && reason !== lastReason) {
      warn("the collector did not take the metrics", { endpoint: endpoint.url, reason });
    }
    lastReason = reason;
    busy = false;
  };
  const timer = setInterval(() => void push(), PUSH_MS);
  timer.unref();
  void push();
  return () => clearInterval(timer);
}
