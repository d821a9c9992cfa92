import type { CauseRule } from "./cause.ts";

const SLOW_MS = 2000;

export const slowLink: CauseRule = {
  id: "slow-link",
  title: "a link answers slowly: callers with a short limit give up",
  link: "any",
  needs: ["probes"],
  proves(facts) {
    let below = 0;
    for (const probe of facts.probes) {
      const times = probe.attempts.map((one) => one.latencyMs).sort((a, b) => a - b);
      const median = times[Math.floor(times.length / 2)];
      if (median === undefined || probe.attempts.some((one) => !one.ok)) return undefined;
      if (median - below >= SLOW_MS) {
        return {
          confidence: "certain",
          sentence: `${probe.link} takes ${(median - below).toFixed(0)} ms of its own for an exec`,
          evidence: [
            { kind: "trace", value: `${median.toFixed(0)} ms`, ref: probe.command },
            { kind: "trace", value: `${below.toFixed(0)} ms at the link below` },
          ],
          fix: ["# what it waits for: load (uptime), storage (iostat -x 1), its log"],
          verify: [`time ${probe.command}`],
        };
      }
      below = median;
    }
    return undefined;
  },
  refutes(facts) {
    if (facts.probes.length === 0) return undefined;
    const all = facts.probes.flatMap((probe) => probe.attempts.map((one) => one.latencyMs));
    const worst = Math.max(...all);
    return worst < SLOW_MS ? `no probe took longer than ${worst.toFixed(0)} ms` : undefined;
  },
};
