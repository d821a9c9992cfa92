import { neutralText } from "#lib/errors/neutral_text.ts";
import type { Metric } from "./metric_table.ts";

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Writes metrics in Prometheus' text format 0.0.4. Metrics without a value are left out. */
export function prometheusText(metrics: readonly Metric[]): string {
  const lines: string[] = [];
  for (const { name, help, type, points } of metrics) {
    if (points.length === 0) continue;
    lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`);
    for (const { labels, value } of points) lines.push(`${name}${labelText(labels)} ${value}`);
  }
  return `${lines.join("\n")}\n`;
}

function labelText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/**
 * The format lets every other character be, but a process may call itself what commands the
 * terminal of whoever reads this, and some readers end a line at a carriage return.
 */
function escapeLabel(text: string): string {
  const lines = text.split("\n").map(neutralText);
  return escapeHelp(lines.join("\n")).replaceAll('"', '\\"');
}
