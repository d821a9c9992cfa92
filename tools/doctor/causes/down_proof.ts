import type { DaemonFacts } from "../facts.ts";
import type { Proof } from "./cause.ts";

/** A socket that nobody listens on, or that is not there at all. */
export function downProof(
  what: string,
  daemon: DaemonFacts | undefined,
): Pick<Proof, "confidence" | "sentence" | "evidence"> | undefined {
  if (!daemon?.socket || daemon.listening || daemon.answer?.ok) return undefined;
  if (daemon.answer?.denied) return undefined;
  const refused = daemon.answer?.error;
  const alive = daemon.pid !== undefined;
  const evidence: Proof["evidence"] = [
    {
      kind: "path",
      value: daemon.socketExists ? "socket file without a listener" : "no such socket",
      ref: daemon.socket,
    },
  ];
  if (refused) evidence.push({ kind: "errno", value: refused, ref: `connect ${daemon.socket}` });
  return {
    confidence: "certain",
    sentence: alive
      ? `${what} (process ${daemon.pid}) runs but does not listen on ${daemon.socket}`
      : `${what} is not running: nobody listens on ${daemon.socket}`,
    evidence,
  };
}

/** The observation that rules out that a daemon is down. */
export function listens(what: string, daemon: DaemonFacts | undefined): string | undefined {
  return daemon?.listening ? `${what} listens on ${daemon.socket}` : undefined;
}
