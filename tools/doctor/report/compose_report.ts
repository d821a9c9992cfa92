import type { Facts } from "../facts.ts";
import { judgeFacts, type Verdict } from "../judge.ts";
import { drawChain } from "./draw_chain.ts";
import { foresee } from "./foresee_failures.ts";
import { type Forecast, type NamedCause, REPORT_SCHEMA, type Report } from "./report.ts";

const MAX_DETAIL = 160;

/** Judges facts and puts what was found into the report's form. */
export function composeReport(facts: Facts, notSeen: string[], forecasts: Forecast[] = []): Report {
  const verdict = judgeFacts(facts);
  const first = verdict.proved[0];
  // What is only likely, and not even the cause that is named, marks no link.
  const marking = verdict.proved.filter((one) => one === first || isCertain(one));
  const chain = drawChain(
    facts,
    marking.map((entry) => entry.proof),
  );
  const broken = chain.filter((entry) => entry.mark === "fails" || entry.mark === "hangs");
  const lost = facts.docker?.inspect?.running === true && facts.init?.alive !== true;
  const healthy = !first && broken.length === 0 && !lost;
  const container: NonNullable<Report["container"]> = { id: facts.id };
  if (facts.name !== undefined) container.name = facts.name;
  if (facts.namespace) container.namespace = facts.namespace;
  return {
    schema: REPORT_SCHEMA,
    container,
    stack: {
      ...(facts.docker?.socket !== undefined && { docker: facts.docker.socket }),
      ...(facts.containerd?.socket !== undefined && { containerd: facts.containerd.socket }),
    },
    chain,
    link: first ? linkOf(first) : (broken.at(-1)?.link ?? null),
    cause: first ? named(first) : null,
    sentence: first?.proof.sentence ?? unexplained(chain, healthy, lost),
    healthy,
    evidence: first?.proof.evidence ?? probeEvidence(facts),
    ruledOut: verdict.ruledOut,
    fix: first?.proof.fix ?? [],
    verify: first?.proof.verify ?? [],
    also: verdict.proved.slice(1).map((entry) => ({
      ...named(entry),
      link: linkOf(entry),
      sentence: entry.proof.sentence,
    })),
    warnings: [
      ...foresee(facts, new Set(verdict.proved.map((entry) => entry.rule.id))),
      ...forecasts.map((one) => `${one.sentence} (${one.ref})`),
    ],
    forecasts,
    notSeen,
  };
}

function isCertain({ proof }: Verdict["proved"][number]): boolean {
  return proof.confidence === "certain";
}

/** A cause may lie at another link where the catalogue's is not part of the stack. */
function linkOf({ rule, proof }: Verdict["proved"][number]): string {
  return proof.link ?? rule.link;
}

function named({ rule, proof }: Verdict["proved"][number]): NamedCause {
  return { id: rule.id, title: rule.title, confidence: proof.confidence };
}

/** A true statement where no cause is proved: which links work, which do not. Never a guess. */
function unexplained(chain: Report["chain"], healthy: boolean, lost: boolean): string {
  const by = (marks: string[]) =>
    chain.filter((entry) => marks.includes(entry.mark)).map((entry) => entry.link);
  const works = by(["works"]);
  const seenTo = (mark: "fails" | "hangs") =>
    chain
      .filter((one) => one.mark === mark)
      .map((one) => `${one.link} ${mark} (${firstWords(one.detail)})`);
  if (healthy) {
    return works.length > 0
      ? `nothing wrong was found; these links work: ${works.join(", ")}`
      : "nothing wrong was found; no link was tried";
  }
  const broken = [
    ...seenTo("fails"),
    ...(lost ? ["Docker takes it for running, but its first process is not alive"] : []),
    ...seenTo("hangs"),
  ];
  const good = works.length > 0 ? `; these links work: ${works.join(", ")}` : "";
  return `${broken.join(", ")}, and no known cause is proved by the evidence${good}`;
}

/** What our own errors add after their words, and pages of a crash, are for the evidence. */
function firstWords(detail: string): string {
  const words = detail.split(" — ")[0]!;
  return words.length <= MAX_DETAIL ? words : `${words.slice(0, MAX_DETAIL)}…`;
}

function probeEvidence(facts: Facts): Report["evidence"] {
  return facts.probes.flatMap((probe) =>
    probe.attempts
      .filter((attempt) => !attempt.ok && !attempt.unknown)
      .slice(0, 1)
      .map((attempt) => ({ kind: "trace" as const, value: attempt.text, ref: probe.command })),
  );
}
