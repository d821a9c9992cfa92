import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf, restartCommands } from "./words.ts";

/** The shim is gone, whether its container survived it or not. */
export const shimKilled: CauseRule = {
  id: "shim-killed",
  title: "the shim was killed",
  link: "shim",
  needs: ["runtime"],
  proves(facts) {
    // Without the address nobody can say who should listen there.
    const { shim } = facts;
    const lost = shim?.bundle && shim.socket && shim.pid === undefined && !shim.listening;
    const orphan = facts.init?.alive && lost;
    if (orphan) {
      return {
        confidence: "certain",
        sentence:
          "no shim holds the container any more, though its first " +
          `process ${facts.init?.pid} runs`,
        evidence: [
          {
            kind: "path",
            value: "no listener",
            ref: facts.shim?.socket ?? facts.shim?.bundle ?? "",
          },
          { kind: "path", value: "alive", ref: `/proc/${facts.init?.pid}/stat` },
        ],
        fix: [...restartCommands(facts), "# and find who killed it"],
        verify: [],
        marks: { shim: "not-present" },
      };
    }
    return endedWithShim(facts);
  },
  refutes(facts) {
    if (facts.shim?.pid !== undefined) return `the shim, process ${facts.shim.pid}, is alive`;
    const kill = facts.ends.find((event) => event.action === "kill");
    return kill ? "the container was killed through Docker" : undefined;
  },
};

/**
 * A container that ends by itself is told by its shim, which ends after it. A shim that dies first
 * leaves containerd to find out: it notes the loss before it kills what is left, and the `die`
 * event then carries 255 where the state says 137.
 */
function endedWithShim(facts: Parameters<CauseRule["proves"]>[0]) {
  const inspect = facts.docker?.inspect;
  if (facts.init?.alive || inspect?.status !== "exited" || inspect.exitCode !== 137)
    return undefined;
  if (inspect.oomKilled || facts.ends.some((event) => event.action === "kill")) return undefined;
  const die = facts.ends.findLast((event) => event.action === "die");
  const code = die?.attributes["exitCode"];
  const lost = facts.containerd?.log?.lines.findLast(
    (line) => line.includes("shim disconnected") && line.includes(facts.id),
  );
  const lostAt = Date.parse(lost?.match(/time="([^"]+)"/)?.[1] ?? "");
  const before = lostAt < Date.parse(inspect.finishedAt);
  if (code !== "255" && !before) return undefined;
  return {
    confidence: "certain" as const,
    sentence:
      "the container ended because its shim died: containerd lost the " +
      "shim and killed what was left",
    evidence: [
      {
        kind: "exit" as const,
        value: `the die event says ${code}, the state 137, and nobody asked Docker to kill it`,
        ref: "GET /events",
      },
      ...(before
        ? [
            {
              kind: "log" as const,
              value: `shim disconnected before the container's end (${inspect.finishedAt})`,
              ref: facts.containerd?.log?.path ?? "",
            },
          ]
        : []),
    ],
    fix: [
      `${dockerCommand(facts)} start ${nameOf(facts)}`,
      "# find the killer: journalctl -k | grep -i 'killed process'; " +
        "auditctl -a always,exit -S kill",
    ],
    verify: [`pgrep -f 'containerd-shim.*${facts.id}'`],
    marks: { shim: "not-present" as const, container: "not-present" as const },
  };
}
