import { neutralJson, neutralText } from "#lib/errors/neutral_text.ts";
import { monotonicNs } from "#lib/trace/span.ts";
import { readSpool } from "#lib/trace/spool.ts";
import { isFailure } from "#lib/trace/telling_span.ts";
import { type AssembledTrace, assembleTraces, reachedRuntime } from "../trace/assemble_trace.ts";
import { compareTraces, drawComparison } from "../trace/compare_traces.ts";
import { drawSummary, drawWaterfall } from "../trace/draw_waterfall.ts";

export interface TraceFlags {
  state: string;
  last?: boolean;
  json?: boolean;
  /** The beginning of another trace's id. */
  compare?: string;
  failed?: boolean;
  /** Milliseconds. */
  slower?: number;
  /** How many are listed. */
  count: number;
}

/** Daemons and shims gather spans for this long before they write them. */
const FLUSH_MS = 100;
const DEFAULT_WIDTH = 120;

/**
 * `catena trace [ID]`: a list of traces, or one as a waterfall; with `--compare` what one spent its
 * time on that the other did not. Returns the exit code.
 */
export async function runTrace(id: string | undefined, flags: TraceFlags): Promise<number> {
  await Bun.sleep(FLUSH_MS);
  const traces = assembleTraces(readSpool(flags.state));
  if (id === undefined && !flags.last && !flags.compare) return listTraces(traces, flags);
  const trace = findTrace(traces, id, flags);
  if (!trace) return 1;
  if (flags.compare !== undefined) {
    const other = findTrace(traces, flags.compare, flags);
    return other ? showComparison(trace, other, flags) : 1;
  }
  if (flags.json) {
    process.stdout.write(`${neutralJson(toJson(trace))}\n`);
    return 0;
  }
  const terminal = process.stdout.isTTY === true;
  const colour = terminal && !process.env["NO_COLOR"];
  const width = terminal ? process.stdout.columns : DEFAULT_WIDTH;
  process.stdout.write(drawWaterfall(trace, width, colour));
  return 0;
}

/** The trace that an id's beginning names; without one the latest that reached a runtime. */
function findTrace(
  traces: AssembledTrace[],
  id: string | undefined,
  flags: TraceFlags,
): AssembledTrace | undefined {
  const trace =
    id === undefined
      ? traces.findLast(reachedRuntime)
      : traces.findLast((one) => one.traceId.startsWith(id.toLowerCase()));
  if (!trace) {
    const wanted = id === undefined ? "trace that reached a runtime" : `trace ${neutralText(id)}`;
    process.stderr.write(
      `catena trace: no ${wanted} in ${flags.state}/trace\n` +
        "next: catena trace lists the latest, catena exec --trace NAME PROGRAM makes one\n",
    );
  }
  return trace;
}

function showComparison(first: AssembledTrace, second: AssembledTrace, flags: TraceFlags): number {
  const comparison = compareTraces(first, second);
  const text = flags.json ? `${neutralJson(comparison)}\n` : drawComparison(comparison);
  process.stdout.write(text);
  return 0;
}

function listTraces(traces: AssembledTrace[], flags: TraceFlags): number {
  const wanted = traces.filter(
    (trace) =>
      (!flags.failed || trace.rows.some(({ span }) => isFailure(span))) &&
      (trace.endNs - trace.startNs) / 1e6 >= (flags.slower ?? 0),
  );
  const newest = wanted.slice(-flags.count);
  if (flags.json) {
    process.stdout.write(`${neutralJson(newest.map(toJson))}\n`);
    return 0;
  }
  if (newest.length === 0) {
    const nothing = traces.length === 0 ? "nothing recorded" : "no such trace";
    process.stderr.write(
      `catena trace: ${nothing} in ${flags.state}/trace\n` +
        "next: catena exec --trace NAME PROGRAM makes one\n",
    );
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
