import { ambientStateDir } from "#lib/install/install_paths.ts";
import { parseTraceparent, type SpanRecord, type TraceContext } from "#lib/trace/span.ts";
import { appendSpans } from "#lib/trace/spool.ts";
import type { SpanSink } from "#lib/trace/tracer.ts";
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
  const later: (() => readonly SpanRecord[])[] = [];
  const sink: SpanSink = {
    add: (span) => void spans.push(span),
    later: (make) => void later.push(make),
  };
  try {
    const { TRACEPARENT: parent, TRACESTATE: state } = process.env;
    return await work({ ...context, sink }, parseTraceparent(parent, state));
  } finally {
    // The container's program runs by now: what is left to do for the trace delays nobody.
    appendSpans(ambientStateDir(), [...spans, ...later.flatMap((make) => make())]);
  }
}
