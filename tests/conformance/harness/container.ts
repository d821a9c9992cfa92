import { readFileSync, writeFileSync } from "node:fs";
import { childEnv } from "#lib/install/child_env.ts";
import type { CommandOptions, CommandResult } from "../../lib/command.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import type { Trial, Wish } from "./trial.ts";

const LIMIT_MS = 30_000;

/** What `state` prints. */
export interface StateOutput {
  ociVersion: string;
  id: string;
  pid: number;
  status: string;
  bundle: string;
  rootfs: string;
  created: string;
  owner: string;
  annotations?: Record<string, string>;
}

/** A container of a trial, by way of its runtime's command line. */
export class Container {
  constructor(
    readonly trial: Trial,
    readonly id: string,
    readonly bundle: string,
  ) {}

  /**
   * Runs `create` or `run --detach`. The container keeps the streams: they are a file, for `output`
   * to read, so that nobody waits for their end. Rejects with the file when it fails.
   */
  async detach(verb: "create" | "run", wish: Wish, ...more: string[]): Promise<void> {
    const { globals = [], flags = [], env = {}, fds = [] } = wish;
    const argv = this.trial.argv(...globals, verb, ...more, ...flags, "--bundle", this.bundle);
    const output = Bun.file(this.#outputPath());
    const child = Bun.spawn([...argv, this.id], {
      stdio: ["ignore", output, output, ...fds],
      env: childEnv({ CATENA_STATE: this.trial.sandbox.path("catena-state"), ...env }),
      timeout: LIMIT_MS,
    });
    const code = await child.exited;
    if (code !== 0) throw new Error(`${argv.join(" ")}: exit code ${code}\n${this.output()}`);
  }

  #outputPath(): string {
    return this.trial.path(`${this.id}.out`);
  }

  /** What the container and its runtime wrote so far. */
  output(): string {
    return readFileSync(this.#outputPath(), "utf8");
  }

  /** The configuration in its bundle, to be looked at. */
  config() {
    return JSON.parse(readFileSync(`${this.bundle}/config.json`, "utf8"));
  }

  call(verb: string, ...args: string[]): Promise<CommandResult> {
    return this.trial.call([verb, this.id, ...args]);
  }

  must(verb: string, ...args: string[]): Promise<string> {
    return this.trial.must([verb, this.id, ...args]);
  }

  async state(): Promise<StateOutput> {
    return JSON.parse(await this.must("state"));
  }

  async pid(): Promise<number> {
    return (await this.state()).pid;
  }

  /** Runs a program in it; `flags` stand before the container's name. */
  tryExec(args: string[], flags: string[] = [], options: CommandOptions = {}) {
    return this.trial.call(["exec", ...flags, this.id, ...args], options);
  }

  async exec(args: string[], flags: string[] = []): Promise<string> {
    return (await this.trial.must(["exec", ...flags, this.id, ...args])).trim();
  }

  /** Runs a program that a process.json describes. */
  async execFile(process: Record<string, unknown>): Promise<CommandResult> {
    const file = this.trial.path("process.json");
    writeFileSync(file, JSON.stringify(process));
    return this.trial.call(["exec", "--process", file, this.id]);
  }

  /** Waits until `state` says so. */
  async becomes(status: string): Promise<void> {
    await waitUntil(`${this.id} is ${status}`, async () =>
      (await this.state()).status === status ? true : undefined,
    );
  }
}
