import { readFileSync } from "node:fs";
import { type ReportedTest, readJunit } from "#tools/setup/junit_report.mjs";

export interface LaneResult {
  passed: number;
  /** One line a test that failed, or a test file that left no results. */
  failed: string[];
  skipped: string[];
}

/** Which files the lane was to run, and what each left: its report, and how its process ended. */
export interface FileOutcome {
  file: string;
  /** Path of the JUnit report; it may not exist. */
  report: string;
  /** The exit code, or undefined when the machine died before it was known. */
  code: number | undefined;
}

/** Adds up what the test files of a lane reported. A file without a report has failed. */
export function countResults(outcomes: FileOutcome[]): LaneResult {
  const total: LaneResult = { passed: 0, failed: [], skipped: [] };
  for (const { file, report, code } of outcomes) {
    const tests = readReport(report);
    const named = (outcome: ReportedTest["outcome"]) =>
      tests
        .filter((test) => test.outcome === outcome)
        .map(({ suite, name }) => `${suite || file}: ${name}`);
    const failed = named("failed");
    if (failed.length === 0 && (code !== 0 || tests.length === 0)) {
      failed.push(`${file}: ${tests.length} results, exit code ${code ?? "unknown"}`);
    }
    total.passed += named("passed").length;
    total.failed.push(...failed);
    total.skipped.push(...named("skipped"));
  }
  return total;
}

function readReport(path: string): ReportedTest[] {
  try {
    return readJunit(readFileSync(path, "utf8"));
  } catch {
    return [];
  }
}
