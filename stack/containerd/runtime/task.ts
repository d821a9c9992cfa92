import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { ChainError } from "#lib/errors/chain_error.ts";
import type { TaskClient } from "#wire/task-ttrpc/task_service.ts";
import type { Bundle } from "./bundle.ts";
import { KnownState } from "./known_state.ts";
import { isConnectionLost, type ShimLink } from "./shim_link.ts";

/** How a container ended. */
export interface TaskExit {
  pid: number;
  exitStatus: number;
  exitedAt: Timestamp;
}

/** A container that a shim serves. */
export class Task {
  readonly bundle: Bundle;
  /** The shim's executable: it starts the shim again and cleans up after it. */
  readonly binary: string;
  /** What the shim last said of the init. */
  readonly known = new KnownState();
  #link: ShimLink;
  /** Settles when a lost shim was found again or cleaned up after. */
  #revival: Promise<unknown> | undefined;
  /** Why its lost shim could not be started again yet. */
  refused: ChainError | undefined;
  /** Known when the shim died and its clean-up told how the container ended. */
  exit: TaskExit | undefined;
  /** Set until its shim has created the container: only its creator deals with a lost shim. */
  creating = true;
  /** Set while the container is deleted: the end of its shim is then no accident. */
  deleting = false;

  constructor(bundle: Bundle, binary: string, link: ShimLink) {
    this.bundle = bundle;
    this.binary = binary;
    this.#link = link;
    link.tasks.add(this);
  }

  get id(): string {
    return this.bundle.id;
  }

  get namespace(): string {
    return this.bundle.namespace;
  }

  get link(): ShimLink {
    return this.#link;
  }

  /** Moves the task to another connection. */
  attach(link: ShimLink): void {
    this.known.changed();
    this.refused = undefined;
    this.#link.tasks.delete(this);
    this.#link = link;
    link.tasks.add(this);
  }

  detach(): void {
    this.#link.tasks.delete(this);
  }

  /** Calls of this task wait for `work`, which looks for its lost shim. */
  revive(work: Promise<unknown>): void {
    const revival = work.finally(() => {
      if (this.#revival === revival) this.#revival = undefined;
    });
    this.#revival = revival;
  }

  /**
   * Calls the shim to have something done to the init, or to the exec `execId`. A call that was
   * under way when the shim was lost fails.
   */
  async call<T>(work: (client: TaskClient) => Promise<T>, execId = ""): Promise<T> {
    if (execId !== "") return await this.#ask(work);
    this.known.changed();
    try {
      return await this.#ask(work);
    } finally {
      this.known.changed();
    }
  }

  /** The same for calls that only look: they are repeated once at a shim that was found again. */
  async look<T>(work: (client: TaskClient) => Promise<T>): Promise<T> {
    try {
      return await this.#ask(work);
    } catch (error) {
      if (!isConnectionLost(error) || this.exit) throw error;
      await this.#revival;
      if (!this.#link.alive) throw this.refused ?? error;
      return await work(this.#link.client);
    }
  }

  async #ask<T>(work: (client: TaskClient) => Promise<T>): Promise<T> {
    await this.#revival;
    if (this.refused) throw this.refused;
    return await work(this.#link.client);
  }
}
