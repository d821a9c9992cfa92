import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { childEnv } from "#lib/install/child_env.ts";
import { surveyHost } from "../discover/find_stacks.ts";
import { collectDaemon } from "../evidence/collect_daemon.ts";
import { HostFiles } from "../host/host_files.ts";
import type { Recognised } from "../messages/recognise_message.ts";
import type { DoctorOptions } from "../options.ts";
import { followContainerd, followDocker } from "./event_followers.ts";
import { FailureCounter } from "./failure_counter.ts";
import { LogFollower } from "./log_follower.ts";
import type { WatchedEvent } from "./watched_event.ts";

const STEP_MS = 1000;
const MAX_QUEUED_LINES = 10_000;

/** What is followed, for the first line of output. */
export interface WatchStart {
  files: string[];
  journal: boolean;
  /** Sockets of daemons whose events are followed. */
  sockets: string[];
}

/**
 * Follows the daemons' logs (their standard error where it is a file, and the journal) and their
 * events, and calls `tell` once for each new kind of failure. Resolves with all counts when
 * `signal` aborts.
 */
export async function watchHost(
  options: DoctorOptions,
  signal: AbortSignal,
  begun: (start: WatchStart) => void,
  tell: (failure: Recognised) => Promise<void>,
): Promise<ReturnType<FailureCounter["summary"]>> {
  const followers = findLogs(options).map((path) => new LogFollower(path));
  const queued: string[] = [];
  const journal = followJournal(queued);
  const events: WatchedEvent[] = [];
  const sockets = followEvents(options, signal, events);
  begun({ files: followers.map((one) => one.path), journal: journal !== undefined, sockets });
  const counter = new FailureCounter();
  try {
    while (!signal.aborted) {
      const lines = [...queued.splice(0), ...followers.flatMap((one) => one.take())];
      for (const failure of counter.firstTimes(lines)) await tell(failure);
      for (const event of events.splice(0)) {
        const failure = counter.firstTime(event);
        if (failure) await tell(failure);
      }
      await pause(signal);
    }
  } finally {
    journal?.kill();
  }
  return counter.summary();
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, STEP_MS);
    signal.addEventListener("abort", done, { once: true });
  });
}

function findLogs(options: DoctorOptions): string[] {
  const survey = surveyHost(new HostFiles(), options);
  const { cgroups } = survey;
  const paths = new Set<string>();
  for (const { docker, containerd } of survey.stacks) {
    for (const pid of [docker?.pid, containerd?.pid]) {
      const log = collectDaemon(survey, cgroups, pid, undefined).log;
      if (log) paths.add(log.path);
    }
  }
  return [...paths];
}

/** Queues what the daemons' events tell. Returns the sockets that are followed. */
function followEvents(
  options: DoctorOptions,
  signal: AbortSignal,
  events: WatchedEvent[],
): string[] {
  const survey = surveyHost(new HostFiles(), options);
  const take = (event: WatchedEvent) => {
    if (events.length < MAX_QUEUED_LINES) events.push(event);
  };
  const sockets = new Set<string>();
  for (const { docker, containerd } of survey.stacks) {
    if (docker && !sockets.has(docker.socket)) {
      sockets.add(docker.socket);
      void followDocker(docker.socket, signal, take);
    }
    if (containerd && !sockets.has(containerd.socket)) {
      sockets.add(containerd.socket);
      void followContainerd(containerd.socket, signal, take);
    }
  }
  return [...sockets];
}

/** Daemons that systemd started write to the journal. */
function followJournal(queued: string[]): ChildProcess | undefined {
  if (!Bun.which("journalctl")) return undefined;
  const units = ["docker", "containerd", "kubelet", "catena"].flatMap((unit) => ["-u", unit]);
  const child = spawn("journalctl", ["-f", "-n", "0", "-o", "cat", ...units], {
    stdio: ["ignore", "pipe", "ignore"],
    env: childEnv(),
  });
  child.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout });
  lines.on("error", () => undefined);
  lines.on("line", (line) => {
    if (queued.length < MAX_QUEUED_LINES) queued.push(line);
  });
  return child;
}
