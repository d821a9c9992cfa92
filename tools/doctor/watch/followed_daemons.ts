import { surveyHost } from "../discover/find_stacks.ts";
import { ownLogPath } from "../evidence/collect_daemon.ts";
import { HostFiles } from "../host/host_files.ts";
import type { DoctorOptions } from "../options.ts";
import { followContainerd, followDocker } from "./event_followers.ts";
import { LogFollower } from "./log_follower.ts";
import type { WatchedEvent } from "./watched_event.ts";

const MAX_QUEUED_EVENTS = 10_000;
/** Sockets and logs that are followed; a host with more daemons does not occur. */
const MAX_FOLLOWED = 64;

/**
 * The logs and events of a host's daemons. Each look takes up daemons that came and lets go of
 * those that went; what is followed already goes on without a gap.
 */
export class FollowedDaemons {
  readonly #options: DoctorOptions;
  #logs = new Map<string, LogFollower>();
  readonly #sockets = new Map<string, AbortController>();
  #events: WatchedEvent[] = [];

  constructor(options: DoctorOptions) {
    this.#options = options;
  }

  get logs(): string[] {
    return [...this.#logs.keys()];
  }

  get sockets(): string[] {
    return [...this.#sockets.keys()];
  }

  /** Looks over the host. Returns whether other things are followed than before. */
  look(): boolean {
    const before = [...this.logs, ...this.sockets].join("\n");
    const { files, stacks } = surveyHost(new HostFiles(), this.#options);
    const logs = new Map<string, LogFollower>();
    const listed = new Map<string, typeof followDocker>();
    for (const { docker, containerd } of stacks) {
      for (const pid of [docker?.pid, containerd?.pid]) {
        const path = pid === undefined ? undefined : ownLogPath(files, pid);
        if (path === undefined || logs.size >= MAX_FOLLOWED) continue;
        logs.set(path, this.#logs.get(path) ?? new LogFollower(path));
      }
      if (docker) listed.set(docker.socket, followDocker);
      if (containerd) listed.set(containerd.socket, followContainerd);
    }
    this.#logs = logs;
    for (const [socket, stop] of this.#sockets) {
      if (listed.has(socket)) continue;
      stop.abort();
      this.#sockets.delete(socket);
    }
    for (const [socket, follow] of listed) this.#follow(socket, follow);
    return [...this.logs, ...this.sockets].join("\n") !== before;
  }

  /** What was added to the logs since the last call. */
  takeLines(): string[] {
    return [...this.#logs.values()].flatMap((one) => one.take());
  }

  /** The events since the last call. */
  takeEvents(): WatchedEvent[] {
    const taken = this.#events;
    this.#events = [];
    return taken;
  }

  close(): void {
    for (const stop of this.#sockets.values()) stop.abort();
    this.#sockets.clear();
  }

  #follow(socket: string, follow: typeof followDocker): void {
    if (this.#sockets.has(socket) || this.#sockets.size >= MAX_FOLLOWED) return;
    const stop = new AbortController();
    this.#sockets.set(socket, stop);
    void follow(socket, stop.signal, (event) => {
      if (this.#events.length < MAX_QUEUED_EVENTS) this.#events.push(event);
    });
  }
}
