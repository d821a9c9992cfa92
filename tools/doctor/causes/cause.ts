import type { Evidence } from "#lib/errors/frame.ts";
import type { ChainLink, Facts } from "../facts.ts";

/** What a rule found: the cause is there, and this shows it. */
export interface Proof {
  /** "certain": the evidence alone proves it. "likely": it fits and nothing else does. */
  confidence: "certain" | "likely";
  /** The link at fault in this case, where it is not the rule's own. */
  link?: string;
  /** One sentence with the numbers and names of this case. */
  sentence: string;
  evidence: Evidence[];
  /** Commands, in the order in which to run them; a line that is no command starts with "# ". */
  fix: string[];
  /** Commands that show that it is gone. */
  verify: string[];
  /** What the chain's links do while this cause lasts, where the cause itself tells. */
  marks?: Partial<Record<ChainLink, "fails" | "hangs" | "not-present">>;
}

/**
 * One row of the fault catalogue. A rule is a pure function of facts: it reads no file and asks no
 * daemon, so that its test needs no root. It never judges by an error's text alone.
 */
export interface CauseRule {
  /** The catalogue's id. */
  id: string;
  title: string;
  /** The link at fault, in the catalogue's words. */
  link: string;
  /** Facts without which the rule has nothing to say. */
  needs: readonly (keyof Facts)[];
  /** Finds the cause in the facts. Undefined when it is not proved. */
  proves(facts: Facts): Proof | undefined;
  /** The observation that rules the cause out. Undefined when nothing does. */
  refutes(facts: Facts): string | undefined;
}
