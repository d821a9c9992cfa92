import { neutralText } from "#lib/errors/neutral_text.ts";
import { isFailure } from "#lib/trace/telling_span.ts";
import type { AssembledTrace } from "./assemble_trace.ts";

const LINK_WIDTH = 11;
const MAX_NAME_WIDTH = 46;
const MIN_BAR_WIDTH = 12;

/** Draws a trace: link, operation, offset from the start, duration, and a bar to scale. */
export function drawWaterfall(trace: AssembledTrace, width: number, colour: boolean): string {
  const total = Math.max(1, trace.endNs - trace.startNs);
  const names = trace.rows.map(({ span, depth }) => "  ".repeat(depth) + neutralText(span.name));
  const nameWidth = Math.min(MAX_NAME_WIDTH, Math.max(9, ...names.map((name) => name.length)));
  const barWidth = Math.max(MIN_BAR_WIDTH, width - LINK_WIDTH - nameWidth - 26);
  const lines = [
    `trace ${trace.traceId}  ${milliseconds(total)}  ${trace.rows.length} spans`,
    "",
    `${"link".padEnd(LINK_WIDTH)} ${"operation".padEnd(nameWidth)} ` +
      `${"offset".padStart(10)} ${"duration".padStart(10)}`,
  ];
  trace.rows.forEach(({ span }, index) => {
    const offset = span.startNs - trace.startNs;
    const duration = Math.max(0, span.endNs - span.startNs);
    const bar = drawBar(offset / total, duration / total, barWidth);
    const paint = colour ? (span.error === undefined ? 36 : 31) : undefined;
    const painted = paint === undefined ? bar : `\x1b[${paint}m${bar}\x1b[0m`;
    const name = clip(names[index]!, nameWidth).padEnd(nameWidth);
    lines.push(
      `${span.layer.padEnd(LINK_WIDTH)} ${name} ${milliseconds(offset).padStart(10)} ` +
        `${milliseconds(duration).padStart(10)}  ${painted}`.trimEnd(),
    );
    if (span.error !== undefined) {
      lines.push(`${" ".repeat(LINK_WIDTH)} failed: ${neutralText(span.error)}`);
    }
  });
  return `${lines.join("\n")}\n`;
}

/** One line for a list of traces. */
export function drawSummary(trace: AssembledTrace, nowNs: number): string {
  const first = trace.rows[0]!.span;
  const failed = trace.rows.some(({ span }) => isFailure(span)) ? "  failed" : "";
  const age = Math.max(0, (nowNs - trace.startNs) / 1e9).toFixed(0);
  const columns = [
    trace.traceId,
    `${age} s ago`.padStart(10),
    milliseconds(trace.endNs - trace.startNs).padStart(10),
    `${String(trace.rows.length).padStart(3)} spans`,
    `${first.layer} ${neutralText(first.name)}${failed}`,
  ];
  return columns.join("  ");
}

/** At least one cell, so that what is too short to scale is still seen. */
function drawBar(start: number, share: number, width: number): string {
  const from = Math.min(width - 1, Math.floor(start * width));
  const cells = Math.max(1, Math.min(width - from, Math.round(share * width)));
  return " ".repeat(from) + "█".repeat(cells);
}

function milliseconds(ns: number): string {
  return `${(ns / 1e6).toFixed(2)} ms`;
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
