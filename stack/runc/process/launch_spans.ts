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
  "await-go",
]);
const MAX_NAME = 120;
/** What the grandchild does before it configures anything: being charged. */
const CHARGE = new Set([
  "new-session",
  "lock",
  "cgroup-join",
  "cgroup-join-uncharged",
  "pids-check",
  "unlock",
]);
/** What ends its configuration: the program, or the wait for it. */
const PROGRAM = new Set(["hand-over", "wait-start", "execve"]);

/** Init's stages and its operations as spans below `parent`. `endNs`: when the end was seen. */
export function launchSpans(
  plan: Plan,
  report: InitReport,
  parent: TraceContext,
  endNs: number,
): SpanRecord[] {
  const { began, records } = report;
  const spans: SpanRecord[] = [];
  let stage = stageSpan("init parent", began.parent, parent);
  spans.push(stage);
  let configuration: SpanRecord | undefined;
  for (let index = 0; index < records.length; index++) {
    const { op } = plan.operations[index]!;
    const { startedNs, finishedNs } = records[index]!;
    const configures = stage.name === "init grandchild" && !CHARGE.has(op) && !PROGRAM.has(op);
    if (configures && startedNs > 0) {
      configuration ??= configurationSpan(stage, startedNs, spans);
      configuration.endNs = finishedNs || endNs;
    }
    const span = operationSpan(plan, report, index, endNs);
    if (span)
      spans.push({ ...span, ...below(configures && configuration ? configuration : stage) });
    // The operation that makes a stage is still its maker's.
    if (op !== "clone-child" && op !== "clone-grandchild") continue;
    const child = op === "clone-child";
    const startNs = child ? began.child : began.grandchild;
    if (startNs === 0) break;
    stage.endNs = startNs;
    stage = stageSpan(child ? "init child" : "init grandchild", startNs, parent);
    spans.push(stage);
  }
  stage.endNs = endNs;
  return spans;
}

function stageSpan(name: string, startNs: number, parent: TraceContext): SpanRecord {
  const { traceId, spanId: parentId } = parent;
  return { traceId, spanId: newSpanId(), parentId, layer: "init", name, startNs, endNs: startNs };
}

/** Between the charge and execve: everything that makes the process what the spec says. */
function configurationSpan(stage: SpanRecord, startNs: number, spans: SpanRecord[]): SpanRecord {
  const name = "init configuration";
  const span: SpanRecord = { ...below(stage), layer: "init", name, startNs, endNs: startNs };
  spans.push(span);
  return span;
}

function below({ traceId, spanId }: SpanRecord) {
  return { traceId, spanId: newSpanId(), parentId: spanId };
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
