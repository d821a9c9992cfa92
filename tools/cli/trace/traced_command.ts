import type { TraceContext } from "#lib/trace/span.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { type Span, Tracer } from "#lib/trace/tracer.ts";
import { showTrace } from "./show_trace.ts";

export interface TracedFlags {
  state: string;
  trace?: boolean;
}

/**
 * Does one command's work inside a span of its own, which is in the spool before this returns, and
 * with `--trace` shows the whole trace then. A failure is noted on the span and thrown on.
 */
export async function tracedCommand(
  name: string,
  flags: TracedFlags,
  work: (trace: TraceContext, span: Span) => Promise<number>,
): Promise<number> {
  const sink = new SpoolSink(flags.state);
  const tracer = new Tracer("cli", sink);
  let traceId = "";
  try {
    return await tracer.span(name, undefined, (span) => {
      traceId = span.context.traceId;
      return work(span.context, span);
    });
  } finally {
    sink.flushSync();
    if (flags.trace) await showTrace(flags.state, traceId);
  }
}
