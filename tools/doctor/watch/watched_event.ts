/** An event of a daemon that tells of a failure. */
export interface WatchedEvent {
  /** The same for the same failure of the same container. */
  key: string;
  /** In a person's words. */
  line: string;
  /** The container's id. */
  id: string;
  /** The daemon that told. */
  link: "dockerd" | "containerd";
}

/** Exit codes by which a container ends that somebody asked to end: SIGKILL and SIGTERM. */
const ASKED_TO_END = new Set([137, 143]);
/** dockerd tells of the signal before it tells of the end. */
const MAX_SIGNALLED = 1000;

interface DockerEvent {
  Action?: unknown;
  Actor?: { ID?: unknown; Attributes?: Record<string, unknown> };
}

/** Reads Docker's events: which of them are failures, and which ends were asked for. */
export class DockerEventReader {
  readonly #signalled = new Set<string>();

  /** The failure that one line of GET /events tells of, if it does. */
  read(line: string): WatchedEvent | undefined {
    let event: DockerEvent;
    try {
      event = JSON.parse(line) as DockerEvent;
    } catch {
      return undefined;
    }
    const id = event?.Actor?.ID;
    if (typeof id !== "string") return undefined;
    const { name, exitCode } = event.Actor?.Attributes ?? {};
    const action = String(event.Action ?? "");
    const who = typeof name === "string" ? name : id.slice(0, 12);
    const told = (kind: string, what: string): WatchedEvent => ({
      key: `${kind} ${id}`,
      line: `container ${who}: ${what}`,
      id,
      link: "dockerd",
    });
    if (action === "kill" || action === "stop") this.#note(id);
    if (action === "oom") return told("oom", "its memory was full, the kernel killed in it");
    if (action === "health_status: unhealthy") return told("health", "its health check fails");
    if (action !== "die") return undefined;
    const asked = this.#signalled.delete(id);
    if (asked || exitCode === "0" || exitCode === undefined) return undefined;
    return told(`die ${exitCode}`, `its program ended with exit code ${exitCode}`);
  }

  #note(id: string): void {
    this.#signalled.add(id);
    if (this.#signalled.size > MAX_SIGNALLED) {
      this.#signalled.delete(this.#signalled.values().next().value!);
    }
  }
}

/** The failure that a task's end tells of: not what the signals of a stop look like. */
export function taskEnded(id: string, exitStatus: number): WatchedEvent | undefined {
  if (exitStatus === 0 || ASKED_TO_END.has(exitStatus)) return undefined;
  return {
    key: `exit ${exitStatus} ${id}`,
    line: `container ${id}: its program ended with exit code ${exitStatus}`,
    id,
    link: "containerd",
  };
}

/** The kernel killed in a task for its memory. */
export function taskOutOfMemory(id: string): WatchedEvent {
  const line = `container ${id}: its memory was full, the kernel killed in it`;
  return { key: `oom ${id}`, line, id, link: "containerd" };
}
