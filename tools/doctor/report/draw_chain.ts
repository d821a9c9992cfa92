import type { Proof } from "../causes/cause.ts";
import type { ChainLink, DaemonFacts, Facts, ProbeFacts } from "../facts.ts";
import type { ChainEntry, Mark } from "./report.ts";

/**
 * What each link was seen to do. The cause's own marks win over a probe's, a probe's over what a
 * daemon's answer showed. A link of which nothing was asked is not reached: above one that hangs,
 * or where the evidence was enough.
 */
export function drawChain(facts: Facts, proofs: readonly Proof[]): ChainEntry[] {
  const entries: ChainEntry[] = [];
  if (facts.cri) entries.push(daemonEntry("cri", facts.cri, facts));
  if (facts.docker) entries.push(daemonEntry("dockerd", facts.docker, facts));
  if (facts.containerd) entries.push(daemonEntry("containerd", facts.containerd, facts));
  // Without a container there are only daemons to speak of.
  if (facts.runtime) entries.push(shimEntry(facts), runtimeEntry(facts), containerEntry(facts));
  for (const entry of entries) {
    const mark = proofs.map((proof) => proof.marks?.[entry.link]).find((one) => one !== undefined);
    if (mark) entry.mark = mark;
  }
  return entries;
}

function daemonEntry(link: ChainLink, daemon: DaemonFacts, facts: Facts): ChainEntry {
  const probed = probeEntry(link, facts);
  if (probed) return probed;
  const { answer } = daemon;
  if (answer?.ok) {
    return { link, mark: "works", latencyMs: answer.latencyMs, detail: "answers; no exec tried" };
  }
  if (answer?.denied) return { link, mark: "not-reached", detail: "we may not ask: permission" };
  const mark: Mark = answer?.timedOut ? "hangs" : answer ? "fails" : "not-reached";
  return { link, mark, detail: answer?.error ?? "not asked" };
}

function shimEntry(facts: Facts): ChainEntry {
  const { shim } = facts;
  const link = "shim";
  if (shim?.pid === undefined) {
    return { link, mark: "not-present", detail: "no shim process holds this container" };
  }
  // What holds the container under podman and CRI-O is called by its own name.
  const what = shim.binary?.endsWith("conmon") ? "conmon, process" : "process";
  const who = `${what} ${shim.pid}`;
  if (shim.answer) {
    const { ok, timedOut, error, latencyMs } = shim.answer;
    const mark = ok ? "works" : timedOut ? "hangs" : "fails";
    return { link, mark, latencyMs, detail: ok ? `${who} answers` : (error ?? "") };
  }
  const probed = facts.probes.some((probe) => probe.link === "containerd" && succeeded(probe));
  return {
    link,
    mark: probed ? "works" : "not-reached",
    detail: `${who}, state ${shim.state}`,
  };
}

function runtimeEntry(facts: Facts): ChainEntry {
  const link = "runc";
  const probed = probeEntry(link, facts);
  if (probed) return probed;
  const { runtime } = facts;
  if (runtime && !runtime.binaryExists) {
    return { link, mark: "fails", detail: `no executable ${runtime.binary}` };
  }
  return { link, mark: "not-reached", detail: "no exec tried" };
}

function containerEntry(facts: Facts): ChainEntry {
  const link = "container";
  const { init } = facts;
  if (!init?.alive) return { link, mark: "not-present", detail: "no first process" };
  const detail = `first process ${init.pid}, state ${init.state}`;
  const ran = facts.probes.some(succeeded);
  return { link, mark: ran ? "works" : "not-reached", detail };
}

function probeEntry(link: ChainLink, facts: Facts): ChainEntry | undefined {
  const probe = facts.probes.find((one) => one.link === link);
  if (!probe || probe.attempts.length === 0) return undefined;
  const good = probe.attempts.filter((attempt) => attempt.ok);
  const latencies = (good.length > 0 ? good : probe.attempts).map((attempt) => attempt.latencyMs);
  const latencyMs = latencies.sort((a, b) => a - b)[Math.floor(latencies.length / 2)]!;
  if (good.length === probe.attempts.length) {
    return { link, mark: "works", latencyMs, detail: `exec tried ${count(probe)}` };
  }
  const bad = probe.attempts.find((attempt) => !attempt.ok)!;
  if (bad.unknown) return { link, mark: "not-present", detail: "does not know this container" };
  const rate = `${probe.attempts.length - good.length} of ${probe.attempts.length} failed`;
  return {
    link,
    mark: bad.timedOut ? "hangs" : "fails",
    latencyMs,
    detail: bad.timedOut ? bad.text : `${rate}: ${bad.text}`,
  };
}

function count(probe: ProbeFacts): string {
  return probe.attempts.length === 1 ? "once" : `${probe.attempts.length} times`;
}

function succeeded(probe: ProbeFacts): boolean {
  return probe.attempts.length > 0 && probe.attempts.every((attempt) => attempt.ok);
}
