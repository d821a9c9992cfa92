import { readFileSync } from "node:fs";

export interface LaneResult {
  passed: number;
  failed: number;
  skipped: number;
  /** Test files that ended without results, and why: a crash, a time limit, a machine that died. */
  broken: string[];
}

/** Which files the lane was to run, and what each left: its report, and how its process ended. */
export interface FileOutcome {
  file: string;
  /** Path of the JUnit report; it may not exist. */
  report: string;
  /** The exit code, or undefined when the machine died before it was known. */
  code: number | undefined;
}

/** Adds up what the test files of a lane reported. A file without a report counts as broken. */
export function countResults(outcomes: FileOutcome[]): LaneResult {
  const total: LaneResult = { passed: 0, failed: 0, skipped: 0, broken: [] };
  for (const outcome of outcomes) {
    const counts = readReport(outcome.report);
    if (!counts) {
      total.broken.push(`${outcome.file}: no results (exit code ${outcome.code ?? "unknown"})`);
      continue;
    }
    total.passed += counts.tests - counts.failures - counts.skipped;
    total.failed += counts.failures;
    total.skipped += counts.skipped;
    if (counts.failures === 0 && outcome.code !== 0) {
      total.broken.push(`${outcome.file}: exit code ${outcome.code ?? "unknown"}`);
    }
  }
  return total;
}

/** The totals in the first element of a report by `bun test --reporter=junit`. */
function readReport(
  path: string,
): { tests: number; failures: number; skipped: number } | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  const element = /<testsuites\b[^>]*>/.exec(text)?.[0];
  if (!element) return undefined;
  const value = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(element)?.[1] ?? 0);
  return { tests: value("tests"), failures: value("failures"), skipped: value("skipped") };
}
