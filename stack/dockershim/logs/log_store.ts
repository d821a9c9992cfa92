import type { Log } from "#lib/log/log.ts";
import { endsWithin } from "#lib/wait/work_within.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { kindFilter, readLabels } from "../convert/docker_labels.ts";
import { ContainerLog } from "./container_log.ts";

/** How long a reader of an exited container's state may wait for the last of its log. */
const DRAIN_MS = 2000;

/** The logs that are being written, by container. */
export class LogStore {
  readonly #engine: DockerEngine;
  readonly #log: Log;
  readonly #open = new Map<string, ContainerLog>();

  constructor(engine: DockerEngine, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  /** Begins to write a container's log; does nothing when it is being written or has no path. */
  start(id: string, path: string): void {
    if (path === "" || this.#open.has(id)) return;
    const log = new ContainerLog(this.#engine, this.#log, { id, path });
    this.#open.set(id, log);
    const forget = () => this.#open.delete(id);
    log.done.then(forget, (error: unknown) => {
      forget();
      this.#log.error("container log lost", { container: id, path, error });
    });
  }

  /** Goes on in a new file. False when the log is not being written. */
  reopen(id: string): boolean {
    const log = this.#open.get(id);
    log?.reopen();
    return log !== undefined;
  }

  /** Waits until an exited container's log is complete, two seconds at most. */
  async drained(id: string): Promise<void> {
    const log = this.#open.get(id);
    if (!log) return;
    await endsWithin(
      log.done.catch(() => undefined),
      DRAIN_MS,
    );
  }

  async stop(id: string): Promise<void> {
    await this.#open.get(id)?.close();
  }

  /** Takes up the logs of containers that an earlier life of this dockershim started. */
  async recover(): Promise<void> {
    const filters = { label: [kindFilter("container")] };
    const list = { all: true, limit: 0, size: false, filters };
    for (const { Id, Labels, State } of await this.#engine.containerList(list, {})) {
      if (State === "created") continue;
      try {
        this.start(Id, readLabels(Labels).logPath);
      } catch (error) {
        this.#log.warn("container log cannot be written", { container: Id, error });
      }
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((log) => log.close()));
  }
}
