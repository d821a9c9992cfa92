import { binPath } from "#lib/install/install_paths.ts";
import {
  type CommandOptions,
  type CommandResult,
  describeResult,
  runCommand,
} from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";

/** A runtime's executable on one `--root`: ours, or the genuine article on the same containers. */
export class RuncClient {
  readonly binary: string;
  readonly root: string;
  readonly #stateDir: string;

  /** `flags` stand before every verb. */
  constructor(
    sandbox: Sandbox,
    binary: string,
    readonly flags: string[] = [],
  ) {
    this.binary = binary;
    this.root = sandbox.path("states");
    this.#stateDir = sandbox.path("catena-state");
  }

  static ours(sandbox: Sandbox): RuncClient {
    return new RuncClient(sandbox, binPath("catena-runc"));
  }

  static genuine(sandbox: Sandbox): RuncClient {
    return new RuncClient(sandbox, GENUINE.runc);
  }

  /** Its whole argument vector, for what is not run by `call`. */
  argv(...args: string[]): string[] {
    return [this.binary, "--root", this.root, ...this.flags, ...args];
  }

  call(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    const env = { CATENA_STATE: this.#stateDir, ...options.env };
    return runCommand(this.argv(...args), { ...options, env });
  }

  /** Rejects unless it succeeds. Returns its stdout. */
  async must(args: string[], options: CommandOptions = {}): Promise<string> {
    const result = await this.call(args, options);
    if (result.code !== 0) throw new Error(describeResult(result));
    return result.stdout;
  }

  /**
   * The same for `create` and `run -d`, whose container keeps the streams that it was given: away
   * from ours, or a reader would wait for its end. Its words of failure are in the log.
   */
  async mustDetach(args: string[]): Promise<void> {
    const log = `${this.root}.log`;
    const script =
      'log=$1; shift; "$@" >/dev/null 2>"$log" </dev/null || { cat "$log" >&2; exit 1; }';
    const env = { CATENA_STATE: this.#stateDir };
    const result = await runCommand(["sh", "-c", script, "sh", log, ...this.argv(...args)], {
      env,
    });
    if (result.code !== 0) throw new Error(describeResult(result));
  }

  /** What `state` says; undefined when there is no such container. */
  async status(id: string): Promise<string | undefined> {
    const result = await this.call(["state", id]);
    return result.code === 0 ? JSON.parse(result.stdout).status : undefined;
  }
}
