import { busyboxTar } from "../lib/busybox_image.ts";
import { type CommandResult, describeResult, mustRun, runCommand } from "../lib/command.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { TerminalSession, type TerminalSize } from "../lib/terminal_session.ts";
import type {
  ChainClient,
  ContainerOptions,
  ContainerStatus,
  ExecOptions,
} from "./chain_client.ts";

const IMAGE = "catest:latest";

/** The genuine docker CLI at the head of a chain. */
export class DockerClient implements ChainClient {
  readonly #sandbox: Sandbox;
  readonly #env: Record<string, string>;
  readonly #runtime: string | undefined;
  readonly #cgroupParent: string;

  /**
   * `runtime` is a name that the daemon knows (`--add-runtime`); without it, its default. Where
   * systemd keeps cgroups, `cgroupParent` is a slice.
   */
  constructor(sandbox: Sandbox, socket: string, runtime?: string, cgroupParent?: string) {
    this.#sandbox = sandbox;
    this.#env = {
      DOCKER_HOST: `unix://${socket}`,
      DOCKER_CONFIG: sandbox.path("docker-config"),
    };
    this.#runtime = runtime;
    this.#cgroupParent = cgroupParent ?? `/${sandbox.tag}`;
  }

  /** Any docker command; for tests that need more than the scenario does. */
  docker(args: string[], stdin?: string): Promise<CommandResult> {
    const env = this.#env;
    return runCommand(["docker", ...args], stdin === undefined ? { env } : { env, stdin });
  }

  #must(args: string[]): Promise<string> {
    return mustRun(["docker", ...args], { env: this.#env });
  }

  async importImage(): Promise<void> {
    await this.#must(["import", await busyboxTar(this.#sandbox), IMAGE]);
  }

  /** The arguments of `docker run` after `run`. */
  runArguments(options: ContainerOptions, flags: string[]): string[] {
    const { name, command, pidsLimit, stdin } = options;
    return [
      ...flags,
      ...(stdin === undefined ? [] : ["-i"]),
      ...(this.#runtime ? ["--runtime", this.#runtime] : []),
      ...(pidsLimit === undefined ? [] : ["--pids-limit", String(pidsLimit)]),
      ...["--network", "none", "--cgroup-parent", this.#cgroupParent, "--name", name],
      IMAGE,
      ...command,
    ];
  }

  runAttached(options: ContainerOptions): Promise<CommandResult> {
    return this.docker(["run", ...this.runArguments(options, ["--rm"])], options.stdin);
  }

  async runDetached(options: ContainerOptions): Promise<void> {
    await this.#must(["run", ...this.runArguments(options, ["-d"])]);
  }

  exec(name: string, { command, stdin }: ExecOptions): Promise<CommandResult> {
    return this.docker(["exec", ...(stdin === undefined ? [] : ["-i"]), name, ...command], stdin);
  }

  execTerminal(name: string, size: TerminalSize): TerminalSession {
    return new TerminalSession(["docker", "exec", "-it", name, "sh"], size, this.#env);
  }

  async logs(name: string): Promise<string> {
    const result = await this.docker(["logs", name]);
    if (result.code !== 0) throw new Error(describeResult(result));
    return result.stdout + result.stderr;
  }

  async kill(name: string, signal: string): Promise<void> {
    await this.#must(["kill", "-s", signal, name]);
  }

  async wait(name: string): Promise<number> {
    return Number(await this.#must(["wait", name]));
  }

  async pause(name: string): Promise<void> {
    await this.#must(["pause", name]);
  }

  async unpause(name: string): Promise<void> {
    await this.#must(["unpause", name]);
  }

  async setPidsLimit(name: string, limit: number): Promise<void> {
    await this.#must(["update", "--pids-limit", String(limit), name]);
  }

  async remove(name: string): Promise<void> {
    await this.#must(["rm", "-f", name]);
  }

  async status(name: string): Promise<ContainerStatus> {
    const listed = await this.#must(["ps", "-a", "--format", "{{.Names}}"]);
    if (!listed.split("\n").includes(name)) return "absent";
    const status = (await this.#must(["inspect", "-f", "{{.State.Status}}", name])).trim();
    return status === "running" || status === "paused" ? status : "stopped";
  }

  async initPid(name: string): Promise<number> {
    return Number(await this.#must(["inspect", "-f", "{{.State.Pid}}", name]));
  }
}
