import type { Facts } from "../facts.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { hangProof, silent, wake } from "./hang_proof.ts";
import { execCommand, isBlocked, isStopped } from "./words.ts";

export const shimHung: CauseRule = {
  id: "shim-hung",
  title: "the shim is stopped or blocked",
  link: "shim",
  needs: ["shim"],
  proves(facts) {
    const { shim } = facts;
    const hang = hangProof("the shim", shim);
    if (!hang) return silentShim(facts);
    return {
      ...hang,
      fix: wake(shim?.pid, shim?.state, `kill -KILL ${shim?.pid}  # ends the container too`),
      verify: [`grep State /proc/${shim?.pid}/status`, execCommand(facts)],
      marks: { shim: "hangs" },
    };
  },
  refutes(facts) {
    const { pid, state, answer } = facts.shim ?? {};
    if (pid === undefined || isStopped(state) || isBlocked(state)) return undefined;
    if (answer && !answer.ok) return undefined;
    return `the shim, process ${pid}, is in state ${state}${answer ? " and answers" : ""}`;
  },
};

/** Alive, not stopped, and yet silent while the runtime below works. */
function silentShim(facts: Facts): Proof | undefined {
  const { shim } = facts;
  const below = facts.probes.find((probe) => probe.link === "runc");
  if (!silent(shim) || !below?.attempts.every((attempt) => attempt.ok)) return undefined;
  return {
    confidence: "likely",
    sentence: `the shim (process ${shim?.pid}) does not answer while the runtime below it works`,
    evidence: [
      { kind: "trace", value: shim?.answer?.error ?? "no answer", ref: shim?.socket ?? "" },
      { kind: "trace", value: "the same exec works at the runtime", ref: below.command },
    ],
    fix: [`cat /proc/${shim?.pid}/stack`, `kill -USR1 ${shim?.pid}  # writes its goroutines`],
    verify: [execCommand(facts)],
    marks: { shim: "hangs" },
  };
}
