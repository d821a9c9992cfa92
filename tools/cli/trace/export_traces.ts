import type { Log } from "#lib/log/log.ts";
import { otlpEndpoint } from "#lib/trace/otlp/otlp_client.ts";
import { SpanExporter } from "#lib/trace/otlp/span_exporter.ts";

export interface ExportFlags {
  state: string;
  otlp?: string;
  /** Share of traces sent whatever they are, 0 to 1. */
  traceSample?: number;
}

/** A request that takes this long is sent whatever the share is. */
const SLOW_MS = 1_000;

/**
 * Starts to send this host's traces, where a flag or OTEL_EXPORTER_OTLP_ENDPOINT names a collector.
 * Returns what ends it, or undefined.
 */
export function exportTraces(flags: ExportFlags, log: Log): (() => Promise<void>) | undefined {
  const endpoint = otlpEndpoint(flags.otlp);
  if (!endpoint) return undefined;
  const exporter = new SpanExporter({
    stateDir: flags.state,
    endpoint,
    rule: { ratio: flags.traceSample ?? 1, slowMs: SLOW_MS },
    warn: (message, fields) => log.warn(message, fields),
  });
  log.info("traces go to a collector", { endpoint: endpoint.url, protocol: endpoint.protocol });
  return () => exporter.stop();
}
