import type { CauseRule, Proof } from "./causes/cause.ts";
import { CAUSES } from "./causes/registry.ts";
import type { Facts } from "./facts.ts";

export interface Verdict {
  /** Proved causes, the one that hides the others first. */
  proved: { rule: CauseRule; proof: Proof }[];
  ruledOut: { id: string; because: string }[];
  /** Causes for which the evidence could not be had. */
  open: string[];
}

/** Judges facts by every rule of the catalogue. Pure. */
export function judgeFacts(facts: Facts, rules: readonly CauseRule[] = CAUSES): Verdict {
  const verdict: Verdict = { proved: [], ruledOut: [], open: [] };
  for (const rule of rules) {
    if (rule.needs.some((need) => facts[need] === undefined)) continue;
    const proof = rule.proves(facts);
    if (proof) {
      verdict.proved.push({ rule, proof });
      continue;
    }
    const because = rule.refutes(facts);
    if (because === undefined) verdict.open.push(rule.id);
    else verdict.ruledOut.push({ id: rule.id, because });
  }
  const certain = (entry: { proof: Proof }) => (entry.proof.confidence === "certain" ? 0 : 1);
  // Stable: within one confidence the registry's order stays.
  verdict.proved.sort((left, right) => certain(left) - certain(right));
  return verdict;
}
