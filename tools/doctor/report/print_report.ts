import { neutralText } from "#lib/errors/neutral_text.ts";
import { MARK_SIGNS, type Mark, type Report } from "./report.ts";

const COLOURS: Partial<Record<Mark, number>> = { works: 32, fails: 31, hangs: 33 };

const MAX_DETAIL = 160;

/** Writes a report for people. Colours only when the reader is a terminal. */
export function printReport(report: Report, colour: boolean): string {
  const paint = (text: string, code: number | undefined) =>
    colour && code !== undefined ? `\x1b[${code}m${text}\x1b[0m` : text;
  const lines: string[] = [`${paint(titleOf(report), 1)}`, ""];
  for (const entry of report.chain) {
    const sign = paint(`${MARK_SIGNS[entry.mark]} ${entry.mark.padEnd(11)}`, COLOURS[entry.mark]);
    const time = entry.latencyMs === undefined ? "" : `${entry.latencyMs.toFixed(0)} ms`;
    const detail = neutralText(entry.detail).slice(0, MAX_DETAIL);
    lines.push(`  ${entry.link.padEnd(11)} ${sign} ${time.padStart(8)}  ${detail}`);
  }
  lines.push("");
  if (report.cause) {
    const { id, confidence } = report.cause;
    lines.push(`${paint("cause", 1)}     ${id} (${confidence}), at: ${report.link}`);
    lines.push(`          ${neutralText(report.sentence)}`);
  } else lines.push(`${paint("finding", 1)}   ${neutralText(report.sentence)}`);
  section("evidence", report.evidence.map(evidenceLine));
  section("ruled out", ruledOutLines(report));
  section("fix", report.fix.map(neutralText));
  section("verify", report.verify.map(neutralText));
  section(
    "also",
    report.also.map((item) => `${item.id} (${item.confidence}): ${neutralText(item.sentence)}`),
  );
  section("next", report.warnings.map(neutralText));
  section("not seen", report.notSeen.map(neutralText));
  return `${lines.join("\n")}\n`;

  function section(title: string, items: string[]): void {
    if (items.length === 0) return;
    lines.push("");
    items.forEach((item, index) => {
      const head = index === 0 ? paint(title, 1) + " ".repeat(10 - title.length) : " ".repeat(10);
      lines.push(`${head}${item}`);
    });
  }
}

/** The suspects that people name first; the whole list is in the JSON. */
const USUAL_SUSPECTS = [
  "pids-cgroup-full",
  "threads-max",
  "pid-max",
  "rlimit-nproc",
  "shim-nofile",
  "shim-pids-full",
  "memcg-oom-exec",
  "shim-hung",
  "containerd-down",
  "containerd-hung",
  "paused",
  "runtime-dir-full",
];

function ruledOutLines(report: Report): string[] {
  const usual = report.ruledOut.filter((item) => USUAL_SUSPECTS.includes(item.id));
  const lines = usual.map((item) => `${item.id}: ${neutralText(item.because)}`);
  const more = report.ruledOut.filter((item) => !usual.includes(item)).map((item) => item.id);
  if (more.length > 0) lines.push(`${more.length} more (--json says why): ${more.join(", ")}`);
  return lines;
}

function titleOf(report: Report): string {
  const { docker, containerd } = report.stack;
  if (!report.container) return neutralText(`daemons at ${docker ?? containerd ?? "?"}`);
  const { id, name, namespace } = report.container;
  const short = /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
  const label = name === undefined ? short : `${name} (${short})`;
  return neutralText(`container ${label}${namespace ? `, namespace ${namespace}` : ""}`);
}

function evidenceLine(item: Report["evidence"][number]): string {
  const where = item.ref ? `  [${neutralText(item.ref)}]` : "";
  return `${neutralText(item.value)}${where}`;
}
