import type { DaemonFacts } from "../facts.ts";
import type { Proof } from "./cause.ts";
import { isBlocked, isStopped } from "./words.ts";

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

/** Commands that wake a stopped process, or show what a blocked one waits for. */
export function wake(
  pid: number | undefined,
  state: string | undefined,
  otherwise: string,
): string[] {
  return isStopped(state)
    ? [`kill -CONT ${pid}`, `# if it stops again, find who stops it, or: ${otherwise}`]
    : [`cat /proc/${pid}/stack  # what it waits for: storage, a frozen file system`, otherwise];
}

/** Whether a daemon that is not visibly stopped left a question unanswered. */
export function silent(daemon: DaemonFacts | undefined): boolean {
  return daemon?.answer?.timedOut === true;
}

/** Evidence that a daemon accepts connections and leaves questions unanswered. */
export function silentDaemon(
  what: string,
  daemon: DaemonFacts | undefined,
): Pick<Proof, "confidence" | "sentence" | "evidence"> | undefined {
  if (!silent(daemon)) return undefined;
  const silence = daemon?.answer?.error ?? "no answer";
  const state = daemon?.state ? ` (process ${daemon.pid}, state ${daemon.state})` : "";
  return {
    confidence: "likely",
    sentence: `${what}${state} accepts connections, but gave ${silence}`,
    evidence: [{ kind: "trace", value: silence, ref: daemon?.socket ?? "" }],
  };
}

/** The observation that rules out that a daemon hangs. */
export function answersOrRuns(what: string, daemon: DaemonFacts | undefined): string | undefined {
  const { answer, state, pid } = daemon ?? {};
  if (!answer?.ok || isStopped(state) || isBlocked(state)) return undefined;
  const process = pid === undefined ? "" : ` (process ${pid}, state ${state})`;
  return `${what}${process} answered in ${answer.latencyMs.toFixed(0)} ms`;
}
