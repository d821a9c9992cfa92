import type { Evidence } from "#lib/errors/frame.ts";
import type { Facts } from "../facts.ts";
import type { CauseRule } from "./cause.ts";
import { dockerCommand, nameOf, outermostLink } from "./words.ts";

/** Ended, or never started: there is nothing to exec in. The cause of the end is another rule's. */
export const notRunning: CauseRule = {
  id: "not-running",
  title: "the container is not running",
  link: "dockerd",
  needs: ["runtime"],
  proves(facts) {
    if (facts.init?.alive) return undefined;
    const inspect = facts.docker?.inspect;
    if (inspect?.running) return undefined;
    if (!inspect && facts.docker?.answer?.ok !== false && facts.docker) return undefined;
    const docker = dockerCommand(facts);
    return {
      confidence: "certain",
      link: outermostLink(facts),
      sentence: sentenceOf(facts),
      evidence: evidenceOf(facts),
      fix: facts.docker
        ? [`${docker} logs --tail 50 ${nameOf(facts)}`, `${docker} start ${nameOf(facts)}`]
        : [`# start it again: its first process ended`],
      verify: facts.docker ? [`${docker} inspect -f '{{.State.Status}}' ${nameOf(facts)}`] : [],
      marks: { container: "not-present" },
    };
  },
  refutes(facts) {
    return facts.init?.alive ? `its first process, ${facts.init.pid}, is alive` : undefined;
  },
};

function sentenceOf(facts: Facts): string {
  const inspect = facts.docker?.inspect;
  if (!inspect) return `the container's first process is gone`;
  if (inspect.status === "created") {
    return inspect.error
      ? `the container never started: ${inspect.error}`
      : "the container was created but never started";
  }
  return `the container ended with exit code ${inspect.exitCode}: ${whyEnded(facts)}`;
}

/** How an end came about, as far as Docker's events tell. */
export function whyEnded(facts: Facts): string {
  const signal = facts.ends.findLast((event) => event.action === "kill")?.attributes["signal"];
  const code = facts.docker?.inspect?.exitCode ?? 0;
  if (signal !== undefined) return `somebody sent it signal ${signal} through Docker`;
  if (code > 128 && code < 193) {
    // Docker keeps 256 events: only one that still knows the end can say who did not cause it.
    const known = facts.ends.some((event) => event.action === "die");
    return `signal ${code - 128} ended it${known ? ", and not through Docker" : ""}`;
  }
  return code === 0 ? "its program was done" : "its program failed by itself";
}

function evidenceOf(facts: Facts): Evidence[] {
  const inspect = facts.docker?.inspect;
  const evidence: Evidence[] = [];
  if (inspect) {
    evidence.push({
      kind: "exit",
      value:
        `State.Status ${inspect.status}, ExitCode ${inspect.exitCode}, ` +
        `FinishedAt ${inspect.finishedAt}`,
      ref: `GET /containers/${facts.id.slice(0, 12)}/json`,
    });
  }
  if (facts.init) {
    const state = facts.init.state ? ` (state ${facts.init.state})` : "";
    evidence.push({
      kind: "path",
      value: `process ${facts.init.pid} is gone${state}`,
      ref: `/proc/${facts.init.pid}/stat`,
    });
  }
  const program = [inspect?.path ?? "", ...(inspect?.args ?? [])].join(" ").trim();
  if (program !== "") evidence.push({ kind: "path", value: `its program: ${program}` });
  return evidence;
}
