import type { DaemonFacts, Facts } from "../facts.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { dockerCommand, isBlocked, isStopped, nameOf } from "./words.ts";

/** Evidence that a process is stopped or blocked; undefined when it is not. */
export function hangProof(
  what: string,
  daemon: DaemonFacts | undefined,
): Pick<Proof, "confidence" | "sentence" | "evidence"> | undefined {
  const { pid, state, waitChannel } = daemon ?? {};
  if (pid === undefined || (!isStopped(state) && !isBlocked(state))) return undefined;
  const how =
    state === "t"
      ? "stopped by a tracer"
      : state === "T"
        ? "stopped by a signal (SIGSTOP)"
        : "in a sleep that no signal ends (D)";
  const evidence: Proof["evidence"] = [
    { kind: "path", value: `State: ${state}`, ref: `/proc/${pid}/status` },
  ];
  if (waitChannel) evidence.push({ kind: "path", value: waitChannel, ref: `/proc/${pid}/wchan` });
  return {
    confidence: isStopped(state) ? "certain" : "likely",
    sentence: `${what} (process ${pid}) is ${how}: whoever asks it waits`,
    evidence,
  };
}

function wake(pid: number | undefined, state: string | undefined, otherwise: string): string[] {
  return isStopped(state)
    ? [`kill -CONT ${pid}`, `# if it stops again, find who stops it, or: ${otherwise}`]
    : [`cat /proc/${pid}/stack  # what it waits for: storage, a frozen file system`, otherwise];
}

/** Whether a daemon that is not visibly stopped left a question unanswered. */
export function silent(daemon: DaemonFacts | undefined): boolean {
  return daemon?.answer?.timedOut === true;
}

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

export const containerdHung: CauseRule = {
  id: "containerd-hung",
  title: "containerd is stopped or blocked",
  link: "containerd",
  needs: ["containerd"],
  proves(facts) {
    const daemon = facts.containerd;
    const hang = hangProof("containerd", daemon) ?? silentDaemon("containerd", daemon);
    if (!hang) return undefined;
    return {
      ...hang,
      fix: wake(daemon?.pid, daemon?.state, "systemctl restart containerd"),
      verify: [execCommand(facts)],
      marks: { containerd: "hangs" },
    };
  },
  refutes: (facts) => answersOrRuns("containerd", facts.containerd),
};

export const dockerdHung: CauseRule = {
  id: "dockerd-hung",
  title: "dockerd is stopped or blocked",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const daemon = facts.docker;
    const hang = hangProof("dockerd", daemon) ?? silentDaemon("dockerd", daemon);
    if (!hang) return undefined;
    return {
      ...hang,
      fix: wake(daemon?.pid, daemon?.state, "systemctl restart docker"),
      verify: [`${dockerCommand(facts)} version`],
      marks: { dockerd: "hangs" },
    };
  },
  refutes: (facts) => answersOrRuns("dockerd", facts.docker),
};

function silentDaemon(
  what: string,
  daemon: DaemonFacts | undefined,
): Pick<Proof, "confidence" | "sentence" | "evidence"> | undefined {
  if (!silent(daemon)) return undefined;
  const state = daemon?.state ? ` (process ${daemon.pid}, state ${daemon.state})` : "";
  return {
    confidence: "likely",
    sentence: `${what}${state} accepts connections but does not answer`,
    evidence: [
      { kind: "trace", value: daemon?.answer?.error ?? "no answer", ref: daemon?.socket ?? "" },
    ],
  };
}

function answersOrRuns(what: string, daemon: DaemonFacts | undefined): string | undefined {
  const { answer, state, pid } = daemon ?? {};
  if (!answer?.ok || isStopped(state) || isBlocked(state)) return undefined;
  const process = pid === undefined ? "" : ` (process ${pid}, state ${state})`;
  return `${what}${process} answered in ${answer.latencyMs.toFixed(0)} ms`;
}

function execCommand(facts: Facts): string {
  return `${dockerCommand(facts)} exec ${nameOf(facts)} true`;
}
