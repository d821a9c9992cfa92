import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { childEnv } from "#lib/install/child_env.ts";
import type { Recognised } from "../messages/recognise_message.ts";
import type { DoctorOptions } from "../options.ts";
import type { FailureCounter } from "./failure_counter.ts";
import { FollowedDaemons } from "./followed_daemons.ts";

const STEP_MS = 1000;
/** Daemons that came or went are looked for this often. */
const LOOK_MS = 15_000;
const MAX_QUEUED_LINES = 10_000;

/** What is followed. */
export interface WatchScope {
  files: string[];
  journal: boolean;
  /** Sockets of daemons whose events are followed. */
  sockets: string[];
}

/** Whom a watch tells. */
export interface WatchListener {
  /** At the start, and when daemons came or went. */
  following(scope: WatchScope): void;
  /** A failure that the counter takes for new. */
  tell(failure: Recognised): Promise<void>;
}

/**
 * Follows the daemons' logs (their standard error where it is a file, and the journal) and their
 * events until `signal` aborts.
 */
export async function watchHost(
  options: DoctorOptions,
  signal: AbortSignal,
  counter: FailureCounter,
  listener: WatchListener,
): Promise<void> {
  const daemons = new FollowedDaemons(options);
  const queued: string[] = [];
  const journal = followJournal(queued);
  let nextLookMs = 0;
  try {
    while (!signal.aborted) {
      if (Date.now() >= nextLookMs) {
        const changed = daemons.look() || nextLookMs === 0;
        nextLookMs = Date.now() + LOOK_MS;
        const { logs: files, sockets } = daemons;
        if (changed) listener.following({ files, journal: journal !== undefined, sockets });
      }
      const lines = [...queued.splice(0), ...daemons.takeLines()];
      for (const failure of counter.firstTimes(lines)) await listener.tell(failure);
      for (const event of daemons.takeEvents()) {
        const failure = counter.firstTime(event);
        if (failure) await listener.tell(failure);
      }
      await pause(signal);
    }
  } finally {
    daemons.close();
    journal?.kill();
  }
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
