import { monotonicNs } from "#lib/trace/span.ts";
import { readSpool } from "#lib/trace/spool.ts";
import { type AssembledTrace, assembleTraces, reachedRuntime } from "../trace/assemble_trace.ts";
import { drawSummary, drawWaterfall } from "../trace/draw_waterfall.ts";

export interface TraceFlags {
  state: string;
  last?: boolean;
  json?: boolean;
}

/** Daemons and shims gather spans for this long before they write them. */
const FLUSH_MS = 100;
const MAX_LISTED = 20;
const DEFAULT_WIDTH = 120;

/** `catena trace [--last] [--json] [ID]`. Returns the exit code. */
export async function runTrace(id: string | undefined, flags: TraceFlags): Promise<number> {
  await Bun.sleep(FLUSH_MS);
  const traces = assembleTraces(readSpool(flags.state));
  if (id === undefined && !flags.last) return listTraces(traces, flags);
  const trace =
    id === undefined
      ? traces.findLast(reachedRuntime)
      : traces.findLast((one) => one.traceId.startsWith(id.toLowerCase()));
  if (!trace) {
    const wanted = id === undefined ? "trace that reached a runtime" : `trace ${id}`;
    process.stderr.write(`catena trace: no ${wanted} in ${flags.state}/trace\n`);
    return 1;
  }
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(toJson(trace))}\n`);
    return 0;
  }
  const terminal = process.stdout.isTTY === true;
  const colour = terminal && !process.env["NO_COLOR"];
  const width = terminal ? process.stdout.columns : DEFAULT_WIDTH;
  process.stdout.write(drawWaterfall(trace, width, colour));
  return 0;
}

function listTraces(traces: AssembledTrace[], flags: TraceFlags): number {
  const newest = traces.slice(-MAX_LISTED);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(newest.map(toJson))}\n`);
    return 0;
  }
  if (newest.length === 0) {
    process.stderr.write(`catena trace: nothing recorded in ${flags.state}/trace\n`);
    return 1;
  }
  const now = monotonicNs();
  process.stdout.write(newest.map((trace) => `${drawSummary(trace, now)}\n`).join(""));
  return 0;
}

function toJson(trace: AssembledTrace) {
  return {
    traceId: trace.traceId,
    durationMs: (trace.endNs - trace.startNs) / 1e6,
    spans: trace.rows.map(({ span, depth }) => ({
      layer: span.layer,
      name: span.name,
      spanId: span.spanId,
      ...(span.parentId !== undefined && { parentId: span.parentId }),
      depth,
      offsetMs: (span.startNs - trace.startNs) / 1e6,
      durationMs: (span.endNs - span.startNs) / 1e6,
      ...(span.attributes && { attributes: span.attributes }),
      ...(span.error !== undefined && { error: span.error }),
    })),
  };
}
