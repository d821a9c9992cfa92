import type { DaemonFacts, Facts } from "../facts.ts";
import type { CauseRule, Proof } from "./cause.ts";

/** Errors of a connect for a path that leads to no listener. */
const NOBODY = ["ENOENT", "ECONNREFUSED"];

const SERVICES = { dockerd: "docker", containerd: "containerd", shim: undefined } as const;
type Link = keyof typeof SERVICES;

/** It runs and listens, and nobody can reach it: its socket file was removed or replaced. */
export const socketGone: CauseRule = {
  id: "socket-gone",
  title: "a daemon listens, but its socket file was removed",
  link: "any",
  needs: [],
  proves(facts) {
    for (const link of ["shim", "containerd", "dockerd"] as const) {
      const daemon = daemonOf(facts, link);
      if (lost(daemon)) return proofOf(facts, link, daemon);
    }
    return undefined;
  },
  refutes(facts) {
    const known = [facts.docker, facts.containerd, facts.shim].filter((one) => one?.socket);
    if (known.length === 0 || known.some(lost)) return undefined;
    return "the socket files of the daemons are there";
  },
};

function daemonOf(facts: Facts, link: Link): DaemonFacts | undefined {
  return link === "dockerd" ? facts.docker : facts[link];
}

/** The kernel still lists the listener under the path that it was bound to. */
function lost(daemon: DaemonFacts | undefined): daemon is DaemonFacts {
  if (!daemon?.socket || !daemon.listening || daemon.answer?.ok) return false;
  if (daemon.answer?.denied) return false;
  return !daemon.socketExists || NOBODY.includes(daemon.answer?.error ?? "");
}

function proofOf(facts: Facts, link: Link, daemon: DaemonFacts): Proof {
  const socket = daemon.socket ?? "";
  const who = daemon.pid === undefined ? link : `${link} (process ${daemon.pid})`;
  const state = daemon.socketExists ? "is another file by now" : "is gone";
  const service = SERVICES[link];
  const others = "requests over it that were open before still work";
  return {
    confidence: "certain",
    link,
    sentence:
      `${who} runs and listens, but its socket file ${socket} ${state}: ` + "nobody new reaches it",
    evidence: [
      { kind: "path", value: `the file ${state}`, ref: socket },
      { kind: "path", value: `a listener is bound to ${socket}; ${others}`, ref: "/proc/net/unix" },
    ],
    fix:
      service !== undefined
        ? [`systemctl restart ${service}`]
        : [
            "# restart the container: its shim cannot be given a socket again",
            `kill -KILL ${daemon.pid ?? "SHIM"}  # ends the container too`,
          ],
    verify: [`ls -l ${socket}`],
    marks: facts.init?.alive || link !== "shim" ? { [link]: "fails" } : {},
  };
}
