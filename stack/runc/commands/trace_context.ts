import { ambientStateDir } from "#lib/install/install_paths.ts";
import { parseTraceparent, type SpanRecord, type TraceContext } from "#lib/trace/span.ts";
import { appendSpans } from "#lib/trace/spool.ts";
import type { RuntimeContext } from "./runtime_context.ts";

/**
 * Runs a verb as part of the caller's trace (TRACEPARENT), or of one of its own, and spools its
 * spans before it returns. A genuine shim passes no trace on; the daemon joins such spans by
 * container id.
 */
export async function withTrace<T>(
  context: RuntimeContext,
  work: (context: RuntimeContext, trace: TraceContext | undefined) => Promise<T>,
): Promise<T> {
  const spans: SpanRecord[] = [];
  const sink = { add: (span: SpanRecord) => spans.push(span) };
  try {
    return await work({ ...context, sink }, parseTraceparent(process.env["TRACEPARENT"]));
  } finally {
    appendSpans(ambientStateDir(), spans);
  }
}
