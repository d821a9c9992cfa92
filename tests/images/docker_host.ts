import { childEnv } from "#lib/install/child_env.ts";
import { type CommandOptions, type CommandResult, mustRun, runCommand } from "../lib/command.ts";
import type { Sandbox } from "../lib/sandbox.ts";

const LONG_MS = 1_800_000;

/** The genuine docker CLI on one daemon, with a configuration of its own. */
export class DockerHost {
  readonly #env: Record<string, string>;

  constructor(sandbox: Sandbox, name: string, socket: string) {
    this.#env = {
      DOCKER_HOST: `unix://${socket}`,
      DOCKER_CONFIG: sandbox.path(`docker-config-${name}`),
      DOCKER_BUILDKIT: "0",
    };
  }

  /** A command that may fail. */
  try(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runCommand(["docker", ...args], { ...options, env: this.#env });
  }

  /** A command that must succeed; returns what it printed. */
  async run(...args: string[]): Promise<string> {
    return (await mustRun(["docker", ...args], { env: this.#env })).trim();
  }

  /** A command that must succeed, and may take its time with much data. */
  async long(...args: string[]): Promise<string> {
    const timeoutMs = LONG_MS;
    return (await mustRun(["docker", ...args], { env: this.#env, timeoutMs })).trim();
  }

  /** The digest that a pull or push told. */
  async digestOf(...args: string[]): Promise<string> {
    const text = await this.run(...args);
    const digest = /digest: (sha256:[0-9a-f]{64})/i.exec(text)?.[1];
    if (!digest) throw new Error(`no digest in: ${text}`);
    return digest;
  }

  /** A container's files, as `docker export` gives them. */
  async exportTar(container: string): Promise<Uint8Array> {
    const process = Bun.spawn(["docker", "export", container], {
      stdout: "pipe",
      stderr: "ignore",
      env: childEnv(this.#env),
    });
    const bytes = await new Response(process.stdout).bytes();
    if ((await process.exited) !== 0) throw new Error(`docker export ${container} failed`);
    return bytes;
  }

  id(image: string): Promise<string> {
    return this.run("image", "inspect", "-f", "{{.Id}}", image);
  }
}
