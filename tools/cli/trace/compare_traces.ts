import { neutralText } from "#lib/errors/neutral_text.ts";
import type { SpanRecord } from "#lib/trace/span.ts";
import type { AssembledTrace } from "./assemble_trace.ts";
import { comparisonSentences, NOTABLE_MS } from "./comparison_words.ts";
import { ownNanoseconds } from "./own_time.ts";
import { stepName } from "./step_words.ts";

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
const MAX_TOLD = 12;
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
  const { steps } = comparison;
  const lines = [
    ...comparisonSentences(comparison),
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

/** Milliseconds by link and step name, each instant counted for the deepest step that covers it. */
function ownTimes(trace: AssembledTrace): Map<string, number> {
  const out = new Map<string, number>();
  const add = (key: string, ns: number) => {
    out.set(key, (out.get(key) ?? 0) + ns / NS_PER_MS);
  };
  const { own, betweenNs } = ownNanoseconds(trace);
  trace.rows.forEach(({ span }, index) => {
    add(keyOf(span), own[index]!);
  });
  if (betweenNs > 0) add(`-\0${BETWEEN}`, betweenNs);
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
