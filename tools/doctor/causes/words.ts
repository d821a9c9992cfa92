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
