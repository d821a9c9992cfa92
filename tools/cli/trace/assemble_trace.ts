import type { SpanRecord } from "#lib/trace/span.ts";

/** The spans of one request, outermost first, with their depth below the first of their branch. */
export interface AssembledTrace {
  traceId: string;
  startNs: number;
  endNs: number;
  rows: { span: SpanRecord; depth: number }[];
}

/** A span's ancestors; a cycle in foreign data must end. */
const MAX_DEPTH = 32;

/** Groups spans by trace; the trace that began last comes last. */
export function assembleTraces(spans: SpanRecord[]): AssembledTrace[] {
  const groups = new Map<string, SpanRecord[]>();
  for (const span of spans) {
    const group = groups.get(span.traceId);
    if (group) group.push(span);
    else groups.set(span.traceId, [span]);
  }
  const traces = [...groups.values()].map(assemble);
  return traces.sort((left, right) => left.startNs - right.startNs);
}

/** Whether the request got as far as a runtime: the ones worth looking at. */
export function reachedRuntime(trace: AssembledTrace): boolean {
  return trace.rows.some(({ span }) => span.layer === "runc" || span.layer === "init");
}

function assemble(spans: SpanRecord[]): AssembledTrace {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const children = new Map<string, SpanRecord[]>();
  const roots: SpanRecord[] = [];
  for (const span of spans) {
    // A parent that was not recorded (a foreign client, a rotated spool) makes the span a root.
    if (span.parentId === undefined || !byId.has(span.parentId)) roots.push(span);
    else children.set(span.parentId, [...(children.get(span.parentId) ?? []), span]);
  }
  const rows: AssembledTrace["rows"] = [];
  const seen = new Set<string>();
  const visit = (span: SpanRecord, depth: number) => {
    if (seen.has(span.spanId) || depth > MAX_DEPTH) return;
    seen.add(span.spanId);
    rows.push({ span, depth });
    for (const child of (children.get(span.spanId) ?? []).sort(byStart)) visit(child, depth + 1);
  };
  for (const root of roots.sort(byStart)) visit(root, 0);
  for (const span of spans.sort(byStart)) visit(span, 0);
  return {
    traceId: spans[0]!.traceId,
    startNs: Math.min(...spans.map((span) => span.startNs)),
    endNs: Math.max(...spans.map((span) => span.endNs)),
    rows,
  };
}

function byStart(left: SpanRecord, right: SpanRecord): number {
  return left.startNs - right.startNs || right.endNs - left.endNs;
}
