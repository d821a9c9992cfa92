import type { SpanRecord, TraceContext } from "#lib/trace/span.ts";
import { newSpanId } from "#lib/trace/span.ts";
import type { Plan } from "#wire/init-pipe/operation.ts";
import type { InitReport } from "#wire/init-pipe/report.ts";
import { operationText } from "../spec/plan_text.ts";

/** Shorter operations are left to their stage's span, unless they are ones that people look for. */
const LEAST_NS = 20_000;
const ALWAYS = new Set([
  "cgroup-join",
  "pids-check",
  "clone-grandchild",
  "seccomp",
  "execve",
  "sync",
]);
const MAX_NAME = 120;

/** Init's stages and its operations as spans below `parent`. `endNs`: when the end was seen. */
export function launchSpans(
  plan: Plan,
  report: InitReport,
  parent: TraceContext,
  endNs: number,
): SpanRecord[] {
  const spans: SpanRecord[] = [];
  const { traceId } = parent;
  const bounds = [
    plan.operations.findIndex(({ op }) => op === "clone-child"),
    plan.operations.findIndex(({ op }) => op === "clone-grandchild"),
    plan.operations.length,
  ] as const;
  const stages = [
    ["parent", report.began.parent, report.began.child],
    ["child", report.began.child, report.began.grandchild],
    ["grandchild", report.began.grandchild, endNs],
  ] as const;
  let first = 0;
  stages.forEach(([name, startNs, nextNs], stage) => {
    if (startNs === 0) return;
    const spanId = newSpanId();
    const last = Math.min(bounds[stage]!, plan.operations.length - 1);
    spans.push({
      traceId,
      spanId,
      parentId: parent.spanId,
      layer: "init",
      name: `init ${name}`,
      startNs,
      endNs: nextNs || endNs,
    });
    for (let index = first; index <= last; index++) {
      const span = operationSpan(plan, report, index, endNs);
      if (span) spans.push({ ...span, traceId, spanId: newSpanId(), parentId: spanId });
    }
    first = last + 1;
  });
  return spans;
}

type Timed = Pick<SpanRecord, "layer" | "name" | "startNs" | "endNs" | "error">;

function operationSpan(
  plan: Plan,
  report: InitReport,
  index: number,
  endNs: number,
): Timed | undefined {
  const operation = plan.operations[index]!;
  const record = report.records[index]!;
  if (record.state === "untouched" || record.startedNs === 0) return undefined;
  const finished = record.finishedNs || endNs;
  if (finished - record.startedNs < LEAST_NS && !ALWAYS.has(operation.op)) return undefined;
  const name = operationText(operation).slice(0, MAX_NAME);
  const span: Timed = { layer: "init", name, startNs: record.startedNs, endNs: finished };
  if (record.state === "failed" && !operation.optional) span.error = `errno ${record.errno}`;
  return span;
}
