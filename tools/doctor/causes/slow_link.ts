import type { Facts, ProbeFacts } from "../facts.ts";
import type { CauseRule } from "./cause.ts";

/** What a link may take of its own for an exec on a host that has time for it. */
export const SLOW_MS = 2000;
/**
 * The slowest healthy link, dockerd with containerd below, takes as long as about forty programs
 * that do nothing. On a starved host both take longer, and what a link takes says nothing of it.
 */
const PROGRAMS_OF_LINK = 80;

/** A link's own time, at its quickest, against what was below it. */
interface OwnTime {
  probe: ProbeFacts;
  /** The quickest exec here: chance makes one slow, never quick. */
  leastMs: number;
  belowMs: number;
  allowedMs: number;
}

function ownTimes(facts: Facts): OwnTime[] | undefined {
  const out: OwnTime[] = [];
  let belowMs = 0;
  for (const probe of facts.probes) {
    if (probe.attempts.length === 0 || probe.attempts.some((one) => !one.ok)) return undefined;
    const times = probe.attempts.map((one) => one.latencyMs);
    const allowedMs = Math.max(SLOW_MS, probe.controlMs * PROGRAMS_OF_LINK);
    out.push({ probe, leastMs: Math.min(...times), belowMs, allowedMs });
    belowMs = Math.max(belowMs, ...times);
  }
  return out;
}

export const slowLink: CauseRule = {
  id: "slow-link",
  title: "a link answers slowly: callers with a short limit give up",
  link: "any",
  needs: ["probes"],
  proves(facts) {
    const slow = ownTimes(facts)?.find((one) => one.leastMs - one.belowMs >= one.allowedMs);
    if (!slow) return undefined;
    const { probe, leastMs, belowMs } = slow;
    const own = (leastMs - belowMs).toFixed(0);
    const control = `${probe.controlMs.toFixed(0)} ms`;
    return {
      confidence: "certain",
      sentence:
        `${probe.link} takes ${own} ms of its own for an exec, every time, ` +
        `where starting a program takes the host ${control}`,
      evidence: [
        {
          kind: "trace",
          value: `${leastMs.toFixed(0)} ms, the quickest of ${probe.attempts.length}`,
          ref: probe.command,
        },
        { kind: "trace", value: `${belowMs.toFixed(0)} ms at the link below` },
        { kind: "trace", value: `${control} for a program that does nothing`, ref: "/bin/true" },
      ],
      fix: ["# what it waits for: load (uptime), storage (iostat -x 1), its log"],
      verify: [`time ${probe.command}`],
    };
  },
  refutes(facts) {
    const times = ownTimes(facts);
    if (!times || times.length === 0) return undefined;
    const worst = Math.max(...times.map(({ leastMs, belowMs }) => leastMs - belowMs));
    const control = Math.max(...times.map(({ probe }) => probe.controlMs));
    return (
      `no link took more than ${Math.max(0, worst).toFixed(0)} ms of its own ` +
      `(a program that does nothing: ${control.toFixed(0)} ms)`
    );
  },
};
