import { neutralText } from "#lib/errors/neutral_text.ts";
import { printReport } from "./print_report.ts";
import { MARK_SIGNS, type Report } from "./report.ts";

const NAME_COLUMNS = 28;
const MAX_HEALTHY = 60;

/**
 * Writes the reports of a whole host for people: each stack with its daemons, a line for each
 * container, what will fail next, then the whole report of each that is not well.
 */
export function printOverview(reports: Report[], warnings: string[], colour: boolean): string {
  const lines: string[] = [];
  for (const group of byStack(reports)) {
    lines.push(...stackLines(group), "");
  }
  const next = [
    ...warnings,
    ...reports.flatMap((one) => one.warnings.map((text) => `${nameOf(one)}: ${text}`)),
  ];
  if (next.length > 0) {
    lines.push("next");
    lines.push(...[...new Set(next)].map((text) => `  ${neutralText(text)}`), "");
  }
  const hidden = new Set(reports.flatMap((one) => one.notSeen));
  if (hidden.size > 0) {
    lines.push("not seen");
    lines.push(...[...hidden].map((text) => `  ${neutralText(text)}`), "");
  }
  const sick = reports.filter((one) => !one.healthy);
  return [lines.join("\n"), ...sick.map((one) => printReport(one, colour))].join("\n");
}

function byStack(reports: Report[]): Report[][] {
  const groups = new Map<string, Report[]>();
  for (const report of reports) {
    const key = `${report.stack.docker ?? ""} ${report.stack.containerd ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), report]);
  }
  return [...groups.values()];
}

function stackLines(group: Report[]): string[] {
  const { docker, containerd } = group[0]!.stack;
  const daemons = group[0]!.chain.filter(({ link }) => /^(cri|dockerd|containerd)$/.test(link));
  const marks = daemons.map(({ link, mark, latencyMs }) => {
    const time = latencyMs === undefined ? "" : ` ${latencyMs.toFixed(0)} ms`;
    return `${link} ${MARK_SIGNS[mark]} ${mark}${time}`;
  });
  const where = [docker, containerd].filter((path) => path !== undefined).join(", ");
  const held = group.filter((one) => one.container !== null);
  const healthy = held.filter((one) => one.healthy);
  const lines = [neutralText(`${where || "no daemon"}   ${marks.join("   ")}`)];
  const asked = daemons.some((one) => one.mark === "works");
  if (held.length === 0) {
    lines.push(asked ? "  no container runs here" : "  no container was seen here");
  }
  for (const one of held.filter((report) => !report.healthy)) lines.push(sickLine(one));
  for (const one of healthy.slice(0, MAX_HEALTHY)) {
    lines.push(`  ${MARK_SIGNS.works} ${nameOf(one).padEnd(NAME_COLUMNS)} nothing wrong was found`);
  }
  const rest = healthy.length - MAX_HEALTHY;
  if (rest > 0) lines.push(`  ${MARK_SIGNS.works} and ${rest} more: nothing wrong was found`);
  return lines;
}

function sickLine(report: Report): string {
  const what = report.cause ? `${report.cause.id}: ${report.sentence}` : report.sentence;
  return `  ${MARK_SIGNS.fails} ${nameOf(report).padEnd(NAME_COLUMNS)} ${neutralText(what)}`;
}

function nameOf({ container, stack }: Report): string {
  if (!container) return neutralText(`daemons at ${stack.docker ?? stack.containerd ?? "?"}`);
  const id = /^[0-9a-f]{64}$/.test(container.id) ? container.id.slice(0, 12) : container.id;
  return neutralText(container.name ?? id);
}
