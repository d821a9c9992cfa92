/** One test of a report. */
export interface ReportedTest {
  suite: string;
  name: string;
  outcome: "passed" | "failed" | "skipped";
}

export function readJunit(text: string): ReportedTest[];
