import type { Evidence } from "#lib/errors/frame.ts";
import type { ChainLink } from "../facts.ts";

/** Raised when a field changes its meaning or goes; new fields do not raise it. */
export const REPORT_SCHEMA = "catena.doctor/1";

/** What a link was seen to do. "not-reached": it is there, and nothing was asked of it. */
export type Mark = "works" | "fails" | "hangs" | "not-reached" | "not-present";

/** How a mark is drawn for people. */
export const MARK_SIGNS: Record<Mark, string> = {
  works: "✓",
  fails: "✗",
  hangs: "⧗",
  "not-reached": "·",
  "not-present": "–",
};

export interface ChainEntry {
  link: ChainLink;
  mark: Mark;
  latencyMs?: number;
  /** What was asked or seen, in a few words. */
  detail: string;
}

export interface NamedCause {
  id: string;
  title: string;
  confidence: "certain" | "likely";
}

/** Something that grows towards its limit. */
export interface Forecast {
  what: string;
  current: number;
  limit: number;
  perHour: number;
  /** At this rate. */
  fullInSeconds: number;
  sentence: string;
  /** The file that shows it. */
  ref: string;
}

/** The diagnosis of one container, or of a stack's daemons. README.md documents each field. */
export interface Report {
  schema: typeof REPORT_SCHEMA;
  container: { id: string; name?: string; namespace?: string } | null;
  /** The sockets of the stack that was examined. */
  stack: { docker?: string; containerd?: string };
  chain: ChainEntry[];
  /** The link at fault in the catalogue's words; null when there is none or it is not known. */
  link: string | null;
  cause: NamedCause | null;
  sentence: string;
  /** Nothing is wrong. */
  healthy: boolean;
  evidence: Evidence[];
  ruledOut: { id: string; because: string }[];
  fix: string[];
  verify: string[];
  /** Further causes that were proved, weaker or behind the first. */
  also: (NamedCause & { link: string; sentence: string })[];
  /** What will fail next. */
  warnings: string[];
  /** What grows towards a limit, and when it will be there. */
  forecasts: Forecast[];
  /** What could not be seen, and why. */
  notSeen: string[];
}

export const EXIT = { healthy: 0, cause: 1, unexplained: 2, blind: 3 } as const;

/** The exit code for a set of reports: the worst of them. */
export function exitCodeOf(reports: Report[]): number {
  if (reports.some((report) => report.cause)) return EXIT.cause;
  return reports.every((report) => report.healthy) ? EXIT.healthy : EXIT.unexplained;
}
