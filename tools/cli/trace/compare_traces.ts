import type { SpanRecord } from "#lib/trace/span.ts";
import { neutralText } from "#tools/doctor/report/neutral_text.ts";
import type { AssembledTrace } from "./assemble_trace.ts";
import { stepName, stepWords } from "./step_words.ts";

/** One step of both traces: the time that each spent in it and in nothing below it. */
export interface ComparedStep {
  link: string;
  step: string;
  /** Milliseconds; undefined where a trace has no such step. */
  leftMs: number | undefined;
  rightMs: number | undefined;
  differenceMs: number;
}

export interface TraceComparison {
  leftMs: number;
  rightMs: number;
  /** By size of the difference, largest first. They add up to the difference of the whole. */
  steps: ComparedStep[];
}

const NS_PER_MS = 1e6;
/** Below this a difference is noise and not told. */
const NOTABLE_MS = 0.05;
const MAX_TOLD = 12;
const SHARE_WORTH_A_SENTENCE = 0.1;
const NAME_WIDTH = 48;
const LINK_WIDTH = 11;
const BETWEEN = "between the links";

/**
 * Compares two traces step by step. A step's time is its own: what passed while none of the steps
 * below it ran, so that the differences add up and the one to blame is not hidden by its callers.
 */
export function compareTraces(left: AssembledTrace, right: AssembledTrace): TraceComparison {
  const leftTimes = ownTimes(left);
  const rightTimes = ownTimes(right);
  const steps = [...new Set([...leftTimes.keys(), ...rightTimes.keys()])].map((key) => {
    const [link, step] = key.split("\0") as [string, string];
    const leftMs = leftTimes.get(key);
    const rightMs = rightTimes.get(key);
    return { link, step, leftMs, rightMs, differenceMs: (rightMs ?? 0) - (leftMs ?? 0) };
  });
  steps.sort((a, b) => Math.abs(b.differenceMs) - Math.abs(a.differenceMs));
  return { leftMs: durationMs(left), rightMs: durationMs(right), steps };
}

/** The comparison as text: a sentence for what matters, then a table. */
export function drawComparison(comparison: TraceComparison): string {
  const { leftMs, rightMs, steps } = comparison;
  const lines = [
    `first ${milliseconds(leftMs)}, second ${milliseconds(rightMs)}: ${relation(comparison)}`,
    ...sentences(comparison),
    "",
    `${"link".padEnd(LINK_WIDTH)} ${"step".padEnd(NAME_WIDTH)} ` +
      `${"first".padStart(11)} ${"second".padStart(11)} ${"difference".padStart(12)}`,
  ];
  const told = steps.filter((step) => Math.abs(step.differenceMs) >= NOTABLE_MS);
  for (const step of told.slice(0, MAX_TOLD)) {
    const name = neutralText(step.step).slice(0, NAME_WIDTH).padEnd(NAME_WIDTH);
    const sign = step.differenceMs > 0 ? "+" : "-";
    const difference = `${sign}${milliseconds(Math.abs(step.differenceMs))}`;
    lines.push(
      `${step.link.padEnd(LINK_WIDTH)} ${name} ${cell(step.leftMs)} ${cell(step.rightMs)} ` +
        difference.padStart(12),
    );
  }
  const left = told.length - MAX_TOLD;
  if (left > 0) lines.push(`${left} smaller differences are not shown`);
  return `${lines.join("\n")}\n`;
}

function relation({ leftMs, rightMs }: TraceComparison): string {
  const difference = Math.abs(rightMs - leftMs);
  if (difference < NOTABLE_MS) return "they took the same";
  return `the ${rightMs > leftMs ? "second" : "first"} took ${milliseconds(difference)} longer`;
}

/** What made the slower one slow, the largest first: at most three sentences. */
function sentences({ leftMs, rightMs, steps }: TraceComparison): string[] {
  const total = rightMs - leftMs;
  const slower = total > 0 ? "second" : "first";
  return steps
    .filter(({ differenceMs }) => differenceMs * total > 0)
    .filter(({ differenceMs }) => differenceMs / total >= SHARE_WORTH_A_SENTENCE)
    .slice(0, 3)
    .map((step) => {
      const more = milliseconds(Math.abs(step.differenceMs));
      return `the ${slower} one spent ${more} more ${stepWords(step.link, neutralText(step.step))}`;
    });
}

/** Milliseconds by link and step name, each instant counted for the deepest step that covers it. */
function ownTimes(trace: AssembledTrace): Map<string, number> {
  const out = new Map<string, number>();
  const add = (key: string, ns: number) => out.set(key, (out.get(key) ?? 0) + ns / NS_PER_MS);
  const edges = [...new Set(trace.rows.flatMap(({ span }) => [span.startNs, span.endNs]))].sort(
    (a, b) => a - b,
  );
  for (let index = 1; index < edges.length; index++) {
    const [from, to] = [edges[index - 1]!, edges[index]!];
    const deepest = trace.rows
      .filter(({ span }) => span.startNs <= from && span.endNs >= to)
      .reduce<AssembledTrace["rows"][number] | undefined>(
        // Of two equally deep ones the later began: it is what is being done.
        (best, row) => (best && best.depth > row.depth ? best : row),
        undefined,
      );
    add(deepest ? keyOf(deepest.span) : `-\0${BETWEEN}`, to - from);
  }
  return out;
}

function keyOf({ layer, name }: SpanRecord): string {
  return `${layer}\0${stepName(layer, name)}`;
}

function durationMs(trace: AssembledTrace): number {
  return (trace.endNs - trace.startNs) / NS_PER_MS;
}

function cell(ms: number | undefined): string {
  return (ms === undefined ? "-" : milliseconds(ms)).padStart(11);
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(2)} ms`;
}
