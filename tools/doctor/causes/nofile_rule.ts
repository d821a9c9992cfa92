import type { DaemonFacts, Facts } from "../facts.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { isCollapsed, lastExec, lastFailedLaunch } from "./words.ts";

/** An exec opens about this many descriptors at once in each daemon on its way. */
const DESCRIPTORS_OF_EXEC = 9;

const EMFILE = /too many open files/i;

type Link = "shim" | "containerd" | "dockerd";

type Use = NonNullable<DaemonFacts["descriptors"]>;

/** A daemon that has used up its RLIMIT_NOFILE: one rule for three links. */
export function nofileRule(link: Link, service: string): CauseRule {
  const of = (facts: Facts) => (link === "dockerd" ? facts.docker : facts[link]);
  return {
    id: `${link}-nofile`,
    title: `${link} has no file descriptors left`,
    link,
    needs: [link === "dockerd" ? "docker" : link],
    proves(facts) {
      if (link === "containerd" && isCollapsed(facts)) return undefined;
      const daemon = of(facts);
      const use = daemon?.descriptors;
      if (!daemon?.pid || !use) return undefined;
      // A request that is over gave its descriptors back: its words say that they had run out.
      const ranOut = EMFILE.test(lastExec(facts)?.logged ?? "");
      if (left(use) >= DESCRIPTORS_OF_EXEC * (ranOut ? 3 : 1)) return undefined;
      if (left(use) > 0 && !somethingFailed(facts)) return undefined;
      return proofOf(link, service, daemon.pid, use);
    },
    refutes(facts) {
      const use = of(facts)?.descriptors;
      if (!use || left(use) < DESCRIPTORS_OF_EXEC) return undefined;
      return `${link} has ${use.open} descriptors open of ${use.softLimit}`;
    },
  };
}

function left(use: Use): number {
  return use.softLimit - use.open;
}

function proofOf(link: Link, service: string, pid: number, use: Use): Proof {
  const count = `${use.open} of ${use.softLimit}`;
  const need = `an exec needs about ${DESCRIPTORS_OF_EXEC} more`;
  return {
    confidence: "certain",
    sentence: `${link} (process ${pid}) has ${count} file descriptors open; ${need}`,
    evidence: [
      { kind: "rlimit", value: `${use.open} descriptors open`, ref: `/proc/${pid}/fd` },
      { kind: "rlimit", value: `Max open files ${use.softLimit}`, ref: `/proc/${pid}/limits` },
    ],
    fix: [
      `prlimit --pid ${pid} --nofile=1048576:`,
      `# for good: LimitNOFILE= of ${service}; what leaks: ls -l /proc/${pid}/fd`,
    ],
    verify: [`ls /proc/${pid}/fd | wc -l`],
    marks: { [link]: "fails" },
  };
}

function somethingFailed(facts: Facts): boolean {
  const inspect = facts.docker?.inspect;
  const startFailed = inspect?.status === "created" && inspect.error !== "";
  const probeFailed = facts.probes.some((probe) => probe.attempts.some((one) => !one.ok));
  return lastFailedLaunch(facts) !== undefined || startFailed || probeFailed;
}
