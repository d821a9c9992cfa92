import type { DaemonFacts, Facts } from "../facts.ts";
import type { CauseRule, Proof } from "./cause.ts";
import { dockerCommand } from "./words.ts";

/** A socket that nobody listens on, or that is not there at all. */
function downProof(
  what: string,
  daemon: DaemonFacts | undefined,
): Pick<Proof, "confidence" | "sentence" | "evidence"> | undefined {
  if (!daemon?.socket || daemon.listening || daemon.answer?.ok) return undefined;
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

function listens(what: string, daemon: DaemonFacts | undefined): string | undefined {
  return daemon?.listening ? `${what} listens on ${daemon.socket}` : undefined;
}

export const containerdDown: CauseRule = {
  id: "containerd-down",
  title: "containerd is not running",
  link: "containerd",
  needs: ["containerd"],
  proves(facts) {
    const down = downProof("containerd", facts.containerd);
    if (!down) return undefined;
    const survives = facts.init?.alive
      ? ["# the containers themselves still run; a restart of containerd finds their shims"]
      : [];
    return {
      ...down,
      fix: ["systemctl restart containerd", ...survives],
      verify: [`${dockerOrCtr(facts)}`],
      marks: { containerd: "fails" },
    };
  },
  refutes: (facts) => listens("containerd", facts.containerd),
};

export const dockerdDown: CauseRule = {
  id: "dockerd-down",
  title: "dockerd is not running",
  link: "dockerd",
  needs: ["docker"],
  proves(facts) {
    const down = downProof("dockerd", facts.docker);
    if (!down) return undefined;
    return {
      ...down,
      fix: ["systemctl restart docker", "journalctl -u docker -n 50  # why it ended"],
      verify: [`${dockerCommand(facts)} version`],
      marks: { dockerd: "fails" },
    };
  },
  refutes: (facts) => listens("dockerd", facts.docker),
};

function dockerOrCtr(facts: Facts): string {
  const socket = facts.containerd?.socket ?? "";
  return facts.docker ? `${dockerCommand(facts)} ps` : `ctr -a ${socket} version`;
}
