import type { Outcome } from "./run_cases.ts";

/** Feature by runtime: how many passed of how many tried, and how many differ as declared. */
export function resultTable(outcomes: readonly Outcome[]): string {
  const runtimes = [...new Set(outcomes.map(({ runtime }) => runtime))];
  const features = [...new Set(outcomes.map(({ feature }) => feature))];
  const cell = (some: Outcome[]) => {
    const count = (kind: Outcome["kind"]) => some.filter((one) => one.kind === kind).length;
    const tried = some.length - count("skipped");
    const [differ, wrong] = [count("differs"), count("failed") + count("surprise")];
    const parts = [`${count("passed")}/${tried}`];
    if (differ > 0) parts.push(`${differ} differ`);
    if (wrong > 0) parts.push(`${wrong} WRONG`);
    if (tried < some.length) parts.push(`${some.length - tried} skipped`);
    return parts.join(", ");
  };
  const row = (name: string, of: Outcome[]) => [
    name,
    ...runtimes.map((runtime) => cell(of.filter((one) => one.runtime === runtime))),
  ];
  const rows = features.map((name) =>
    row(
      name,
      outcomes.filter(({ feature }) => feature === name),
    ),
  );
  return markdown([["feature", ...runtimes], ...rows, row("all", [...outcomes])]);
}

function markdown(rows: string[][]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((text, at) => text.padEnd(widths[at]!)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  const [head, ...body] = rows.map(line);
  return [head, rule, ...body].join("\n");
}

/** Every outcome that fails the run, and every declared difference with its reason. */
export function resultNotes(outcomes: readonly Outcome[]): string {
  const told = outcomes.filter(({ kind }) => kind !== "passed");
  const words = { passed: "", skipped: "skipped", differs: "differs", failed: "FAILED" };
  return told
    .map(({ kind, runtime, feature, name, reason }) => {
      const word = kind === "surprise" ? "UNEXPECTEDLY PASSED" : words[kind];
      return `${word}: ${runtime}: ${feature}: ${name}: ${reason.trim()}`;
    })
    .join("\n");
}
