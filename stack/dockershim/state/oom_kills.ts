import { kernelLogWith } from "#lib/linux/kernel_log.ts";
import type { Log } from "#lib/log/log.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import type {
  ContainerInspect,
  ContainerStateView,
} from "#wire/docker-api/types/container_view.ts";
import { nanoseconds, wallNanoseconds } from "../convert/timestamp.ts";
import { pause } from "../logs/container_log.ts";

/** A process that the kernel killed: 128 and SIGKILL. */
const KILLED = 137;
/** How long after an end Docker may still tell that memory was its cause, nanoseconds. */
const LATE_NS = 500_000_000n;
const STEP_MS = 50;
const LATE_STEPS = 10;
const RETRY_MS = 200;
const MAX_RETRY_MS = 10_000;
/** How many containers are remembered; far more than a Docker has at a time. */
const MAX_KNOWN = 10_000;
const NS_PER_MS = 1_000_000n;
/** The kernel's log has the time since the boot, which is not quite the wall clock's. */
const CLOCK_SLACK_MS = 60_000;
/** From the first event that Docker still has. */
const FROM_THE_FIRST_NS = 1_000_000_000n;

/**
 * Which containers ran out of memory. Docker's own state forgets it where the exit is noted before
 * the event (with dockerd 20.10 once in twenty-five), and the event itself is lost where the
 * container's cgroup is removed first: then the kernel's log still knows.
 */
export class OomKills {
  readonly #engine: DockerEngine;
  readonly #log: Log;
  readonly #signal: AbortSignal;
  readonly #known = new Set<string>();
  /** Those whose end was looked for in the kernel's log. */
  readonly #judged = new Set<string>();

  constructor(engine: DockerEngine, log: Log, signal: AbortSignal) {
    this.#engine = engine;
    this.#log = log;
    this.#signal = signal;
  }

  /** Follows the events until the signal aborts, through a Docker that goes away and comes back. */
  async follow(): Promise<void> {
    let waitMs = RETRY_MS;
    while (!this.#signal.aborted) {
      try {
        const query = {
          sinceNs: FROM_THE_FIRST_NS,
          filters: { type: ["container"], event: ["oom"] },
        };
        for await (const { Actor } of this.#engine.events(query, { signal: this.#signal })) {
          remember(this.#known, Actor.ID);
          waitMs = RETRY_MS;
        }
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#log.debug("docker's events are cut off", { error, retry_ms: waitMs });
      }
      await pause(waitMs, this.#signal);
      waitMs = Math.min(waitMs * 2, MAX_RETRY_MS);
    }
  }

  /**
   * The container with what the events know of it. Of one that was killed this moment and is not
   * known to have run out of memory, the event is waited for, half a second from its end at most.
   */
  async completed(found: ContainerInspect): Promise<ContainerInspect> {
    const { State, Id } = found;
    if (!mayBeOom(State)) return found;
    const deadline = nanoseconds(State.FinishedAt) + LATE_NS;
    for (let step = 0; step < LATE_STEPS && !this.#known.has(Id); step++) {
      if (this.#signal.aborted || wallNanoseconds() >= deadline) break;
      await pause(STEP_MS, this.#signal);
    }
    if (!this.#known.has(Id) && !this.#judged.has(Id)) {
      remember(this.#judged, Id);
      if (inKernelLog(Id, State)) remember(this.#known, Id);
    }
    return this.#known.has(Id) ? { ...found, State: { ...State, OOMKilled: true } } : found;
  }

  forget(id: string): void {
    this.#judged.delete(id);
    this.#known.delete(id);
  }
}

function mayBeOom({ Status, ExitCode, OOMKilled }: ContainerStateView): boolean {
  return Status === "exited" && ExitCode === KILLED && !OOMKilled;
}

function remember(set: Set<string>, id: string): void {
  if (set.size >= MAX_KNOWN) set.clear();
  set.add(id);
}

/** The kernel names the cgroup of what it kills, and a container's is called by its id. */
function inKernelLog(id: string, { StartedAt }: ContainerStateView): boolean {
  const sinceMs = Number(nanoseconds(StartedAt) / NS_PER_MS) - CLOCK_SLACK_MS;
  return kernelLogWith(id, sinceMs).some((record) =>
    record.split("task_memcg=", 2)[1]?.split(",", 1)[0]?.includes(id),
  );
}
