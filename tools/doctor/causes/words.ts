import type { Facts } from "../facts.ts";
import type { PidsLevel } from "../host/cgroup_counters.ts";

/** What commands call the container. */
export function nameOf(facts: Facts): string {
  return facts.name ?? facts.id;
}

/** `docker -H unix://SOCK`, or plain docker on its default socket. */
export function dockerCommand(facts: Facts): string {
  const socket = facts.docker?.socket;
  const usual = socket === "/var/run/docker.sock" || socket === "/run/docker.sock";
  return socket === undefined || usual ? "docker" : `docker -H unix://${socket}`;
}

/** `ctr -a SOCK -n NAMESPACE`. */
export function ctrCommand(facts: Facts): string {
  const socket = facts.containerd?.socket;
  const address = socket && socket !== "/run/containerd/containerd.sock" ? ` -a ${socket}` : "";
  return `ctr${address} -n ${facts.namespace || "default"}`;
}

/** dockerd and containerd are one process (`catena daemon`): then its faults are dockerd's. */
export function isCollapsed({ docker, containerd }: Facts): boolean {
  return docker?.pid !== undefined && docker.pid === containerd?.pid;
}

/** The outermost link that knows the container: what Docker's part is where there is no Docker. */
export function outermostLink(facts: Facts): string {
  if (facts.docker) return "dockerd";
  return facts.containerd ? "containerd" : "runc";
}

/** How to start the container anew with the tools of its stack; a line for each step. */
export function restartCommands(facts: Facts): string[] {
  if (facts.docker) return [`${dockerCommand(facts)} restart ${nameOf(facts)}`];
  if (ofPodman(facts)) return [`podman restart ${nameOf(facts)}`];
  if (facts.namespace === "k8s.io") {
    const kept = "the kubelet starts it again by itself";
    return [`${ctrCommand(facts)} tasks kill -s SIGKILL ${facts.id}  # ${kept}`];
  }
  if (facts.containerd) {
    const ctr = ctrCommand(facts);
    return [
      `${ctr} tasks kill -s SIGKILL ${facts.id}`,
      `${ctr} tasks delete ${facts.id}`,
      `${ctr} tasks start -d ${facts.id}`,
    ];
  }
  return ["# delete the container and start it again by whatever started it"];
}

/** A conmon holds it, and no CRI daemon is above. */
function ofPodman({ shim, cri }: Facts): boolean {
  return shim?.binary?.endsWith("conmon") === true && cri === undefined;
}

/** The command that tries a harmless exec from the outermost link that knows the container. */
export function execCommand(facts: Facts): string {
  if (facts.docker) return `${dockerCommand(facts)} exec ${nameOf(facts)} true`;
  if (ofPodman(facts)) return `podman exec ${nameOf(facts)} true`;
  if (facts.containerd) return `${ctrCommand(facts)} tasks exec --exec-id check ${facts.id} true`;
  const root = facts.runtime?.root ? `--root ${facts.runtime.root} ` : "";
  return `${facts.runtime?.binary ?? "runc"} ${root}exec ${facts.id} true`;
}

/** A number of bytes for people. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return "no limit";
  if (bytes >= 1024 ** 3) return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  if (bytes >= 1024 ** 2) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${Math.ceil(bytes / 1024)} KiB`;
}

/** A limit as the kernel writes it: a number, or "max". */
export function formatMax(max: number): string {
  return Number.isFinite(max) ? String(max) : "max";
}

/** The level of a pids tree with the fewest pids left; undefined where no level has a limit. */
export function tightestPids(levels: PidsLevel[]): PidsLevel | undefined {
  const limited = levels.filter((level) => Number.isFinite(level.max));
  return limited.sort((a, b) => a.max - a.current - (b.max - b.current))[0];
}

/** The last exec that somebody tried; our own probes and health checks left out. */
export function lastExec(facts: Facts) {
  const check = facts.docker?.inspect?.healthcheck?.test.slice(1).join(" ");
  return facts.execs.findLast((exec) => {
    if (exec.argv.includes(PROBE_MARK)) return false;
    return check === undefined || !exec.argv.join(" ").endsWith(check);
  });
}

/** An argument that `true` ignores and that tells our probes from others' execs. */
export const PROBE_MARK = "catena-doctor-probe";

/** The last exec when the link refused to start it (the program never ran). */
export function lastFailedLaunch(facts: Facts) {
  const exec = lastExec(facts);
  if (!exec || exec.launched || exec.running) return undefined;
  return exec.exitCode === 126 || exec.exitCode === 127 || exec.logged ? exec : undefined;
}

/** A process that was stopped by a signal or a tracer. */
export function isStopped(state: string | undefined): boolean {
  return state === "T" || state === "t";
}

/** In a sleep that no signal ends. One look cannot tell it from a short wait for a disk. */
export function isBlocked(state: string | undefined): boolean {
  return state === "D";
}
