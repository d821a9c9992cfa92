import { randomBytes } from "node:crypto";
import { childEnv } from "#lib/install/child_env.ts";
import { binPath } from "#lib/install/install_paths.ts";
import { DemoDaemon } from "#tools/demo/demo_daemon.ts";
import { connectDocker } from "#wire/docker-api/client/docker_client.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { importTourImage } from "./tour_image.ts";
import { TourLeft } from "./tour_screen.ts";

/** A daemon that does not answer in this time is not one to show things on. */
const PING_MS = 5_000;
/** Longer than any command of the tour takes. */
const COMMAND_MS = 60_000;
const STEP_MS = 100;

/** Where the tour plays: a running daemon, or one of its own, and what it made there. */
export class TourStage {
  readonly state: string;
  readonly engine: DockerEngine;
  readonly image: string;
  /** The tour's own daemon, where it started one. */
  readonly daemon: DemoDaemon | undefined;
  readonly #left: AbortSignal;
  readonly #prefix = `catena-tour-${randomBytes(3).toString("hex")}`;
  readonly #containers: string[] = [];
  #undo: (() => Promise<void>)[] = [];

  private constructor(state: string, left: AbortSignal, daemon?: DemoDaemon) {
    this.state = state;
    this.daemon = daemon;
    this.#left = left;
    this.engine = connectDocker(`${state}/docker.sock`);
    this.image = this.#prefix;
  }

  /**
   * Takes the daemon whose state folder is `state`, or starts one in a folder of its own where none
   * answers there or `own` is set. The caller closes it.
   */
  static async open(state: string, own: boolean, left: AbortSignal): Promise<TourStage> {
    if (!own && (await answers(state))) {
      const stage = new TourStage(state, left);
      return stage.#furnish();
    }
    const daemon = new DemoDaemon("catena-tour-");
    const stage = new TourStage(daemon.state, left, daemon);
    // In a session of its own: a Ctrl-C at the terminal is ours to hear, and it ends in order.
    const starting = daemon.start(true);
    stage.#undo.push(() => daemon.remove());
    try {
      await starting;
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage.#furnish();
  }

  /** The full name of one of the tour's containers. */
  name(part: string): string {
    return `${this.#prefix}-${part}`;
  }

  /** A name that is removed with force when the stage is closed, whether it was made or not. */
  container(part: string): string {
    const name = this.name(part);
    this.#containers.push(name);
    return name;
  }

  /** Runs `catena COMMAND …` on the stage's daemon, for the reader to see; its exit code. */
  async catena(command: string, args: string[]): Promise<number> {
    if (this.#left.aborted) throw new TourLeft("the reader left");
    const child = Bun.spawn([binPath("catena"), command, "--state", this.state, ...args], {
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      env: childEnv(process.env["NO_COLOR"] ? { NO_COLOR: "1" } : {}),
      timeout: COMMAND_MS,
    });
    const stop = () => child.kill("SIGTERM");
    this.#left.addEventListener("abort", stop, { once: true });
    const code = await child.exited;
    this.#left.removeEventListener("abort", stop);
    if (this.#left.aborted) throw new TourLeft("the reader left");
    return code;
  }

  /** Waits until `look` gives something; half a minute at most. */
  async until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    const deadline = Date.now() + COMMAND_MS / 2;
    for (;;) {
      if (this.#left.aborted) throw new TourLeft("the reader left");
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > deadline) throw new Error(`${what}: it did not happen`);
      await Bun.sleep(STEP_MS);
    }
  }

  /** What else must be taken down; the last one first. */
  onClose(work: () => Promise<void>): void {
    this.#undo.push(work);
  }

  /** Removes all that the tour made. Goes on when one part fails, and tells it at the end. */
  async close(): Promise<void> {
    const failed: unknown[] = [];
    for (const work of this.#undo.reverse()) await work().catch((error) => failed.push(error));
    this.#undo = [];
    if (failed.length > 0) throw failed[0];
  }

  async #furnish(): Promise<TourStage> {
    this.#undo.push(() => this.#clear());
    try {
      await importTourImage(this.engine, this.image);
    } catch (error) {
      await this.close();
      throw error;
    }
    return this;
  }

  /** On the tour's own daemon too: a reset is for what is left, not for what runs. */
  async #clear(): Promise<void> {
    const failed: unknown[] = [];
    const note = (error: { code?: string }) => {
      if (error.code !== "not_found") failed.push(error);
    };
    for (const name of this.#containers) {
      const options = { force: true, volumes: true, link: false };
      await this.engine.containerRemove(name, options, {}).catch(note);
    }
    const options = { force: true, noPrune: false };
    await this.engine.imageRemove(this.image, options, {}).catch(note);
    if (failed.length > 0) throw failed[0];
  }
}

async function answers(state: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(PING_MS);
    await connectDocker(`${state}/docker.sock`).ping({ signal });
    return true;
  } catch {
    return false;
  }
}
