import type { RuntimeName } from "./runtime_under_test.ts";
import type { Trial } from "./trial.ts";

/** One thing that a runtime has to do, seen from outside. */
export interface ConformanceCase {
  name: string;
  /** Rejects when the runtime does not do it. */
  run(trial: Trial): Promise<void>;
  /** Runtimes that are known not to, each with the reason; one that does after all is a failure. */
  differs?: Partial<Record<RuntimeName, string>>;
  /** Runtimes whose outcome is chance, each with the reason: told, not judged. */
  unjudged?: Partial<Record<RuntimeName, string>>;
  /** When it has to be done, if not within a minute. */
  limitMs?: number;
  /** Why this host cannot try it; undefined when it can. */
  skip?: () => string | undefined;
  /** Left out of `npm test`. */
  slow?: boolean;
}

/** Cases about one part of the specification or of the command line. */
export interface Feature {
  name: string;
  cases: ConformanceCase[];
}

/** Debian's runc is 1.1.5: what came with a later specification it has not. */
export const NEWER = "newer than runc 1.1";
