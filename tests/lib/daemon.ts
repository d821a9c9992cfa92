import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { childEnv } from "#lib/install/child_env.ts";
import { readProcess } from "./process_table.ts";
import type { Sandbox } from "./sandbox.ts";
import { waitUntil } from "./wait_until.ts";

export interface DaemonSpec {
  /** What it is called in messages and what its log file is named after. */
  name: string;
  argv: string[];
  /** It is up when this unix socket accepts a connection. */
  socket: string;
  env?: Record<string, string>;
}

const START_MS = 60_000;
const STOP_MS = 60_000;
const LOG_TAIL = 1_500;

/** A daemon under test: started, watched, stopped or killed by its process id. */
export class Daemon {
  readonly spec: DaemonSpec;
  readonly #sandbox: Sandbox;
  #process: Bun.Subprocess | undefined;

  private constructor(sandbox: Sandbox, spec: DaemonSpec) {
    this.#sandbox = sandbox;
    this.spec = spec;
  }

  /** Starts it and waits until its socket accepts. Its log is `<name>.log` in the sandbox. */
  static async start(sandbox: Sandbox, spec: DaemonSpec): Promise<Daemon> {
    const daemon = new Daemon(sandbox, spec);
    sandbox.onClose(() => daemon.stop());
    await daemon.start();
    return daemon;
  }

  get pid(): number {
    if (!this.#process) throw new Error(`${this.spec.name} is not started`);
    return this.#process.pid;
  }

  get socket(): string {
    return this.spec.socket;
  }

  /** Starts it again after `stop` or `kill`, with the same arguments. */
  async start(): Promise<void> {
    const log = openSync(this.#logPath, "a", 0o600);
    try {
      this.#process = Bun.spawn(this.spec.argv, {
        stdin: "ignore",
        stdout: log,
        stderr: log,
        env: childEnv(this.spec.env),
        cwd: this.#sandbox.folder,
      });
    } finally {
      closeSync(log);
    }
    const started = this.#process;
    await waitUntil(
      `${this.spec.name} accepts on ${this.spec.socket}`,
      async () => {
        if (started.exitCode !== null || started.signalCode !== null) return true;
        return existsSync(this.spec.socket) && (await accepts(this.spec.socket));
      },
      START_MS,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.logTail()}`);
    });
    if (started.exitCode !== null || started.signalCode !== null) {
      throw new Error(`${this.spec.name} ended at once (${started.exitCode})\n${this.logTail()}`);
    }
  }

  /** SIGTERM, and SIGKILL when it does not end in time. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM", STOP_MS);
  }

  /** SIGKILL, as a crash. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL", STOP_MS);
  }

  async #end(signal: "SIGTERM" | "SIGKILL", limitMs: number): Promise<void> {
    const running = this.#process;
    if (!running) return;
    this.#process = undefined;
    running.kill(signal);
    const timer = setTimeout(() => running.kill("SIGKILL"), limitMs);
    await running.exited;
    clearTimeout(timer);
  }

  get #logPath(): string {
    return this.#sandbox.path(`${this.spec.name}.log`);
  }

  /** All that it logged so far. */
  log(): string {
    return readFileSync(this.#logPath, "utf8");
  }

  /** The end of its log, for a failed test's message. */
  logTail(): string {
    return `--- end of ${this.spec.name}'s log ---\n${this.log().slice(-LOG_TAIL)}`;
  }

  isAlive(): boolean {
    return this.#process !== undefined && readProcess(this.#process.pid) !== undefined;
  }
}

function accepts(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => {
    socket.destroy();
    resolve(true);
  });
  socket.once("error", () => resolve(false));
  return promise;
}
