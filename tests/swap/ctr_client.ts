import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxImageArchive, IMAGE } from "../lib/busybox_image.ts";
import { cgroupOfProcess } from "../lib/cgroup_tree.ts";
import { type CommandResult, mustRun, runCommand } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { TerminalSession, type TerminalSize } from "../lib/terminal_session.ts";
import { waitUntil } from "../lib/wait_until.ts";
import type {
  ChainClient,
  ContainerOptions,
  ContainerStatus,
  ExecOptions,
} from "./chain_client.ts";

/** The genuine ctr at the head of a chain. Its containers lie in a namespace of their own. */
export class CtrClient implements ChainClient {
  readonly #sandbox: Sandbox;
  readonly #base: string[];
  readonly #runFlags: string[];
  #execs = 0;

  /** `runFlags` choose what lies below containerd: `--runtime NAME`, `--runc-binary PATH`. */
  constructor(sandbox: Sandbox, socket: string, runFlags: string[] = []) {
    this.#sandbox = sandbox;
    this.#base = [GENUINE.ctr, "--address", socket, "--namespace", sandbox.tag];
    this.#runFlags = runFlags;
  }

  /** Any ctr command; for tests that need more than the scenario does. */
  ctr(args: string[], stdin?: string): Promise<CommandResult> {
    return runCommand([...this.#base, ...args], stdin === undefined ? {} : { stdin });
  }

  /** The command line of an attached exec, for tests that hold its streams themselves. */
  execCommand(name: string, command: string[]): string[] {
    return [...this.#base, ...this.#exec(name, [], command)];
  }

  #must(args: string[]): Promise<string> {
    return mustRun([...this.#base, ...args]);
  }

  async importImage(): Promise<void> {
    await this.#must(["image", "import", await busyboxImageArchive(this.#sandbox)]);
  }

  #run({ name, command }: ContainerOptions, flags: string[]): string[] {
    const cgroup = `/${this.#sandbox.tag}/${name}`;
    const folder = ["--fifo-dir", this.#sandbox.path("fifo")];
    return [
      "run",
      ...flags,
      ...this.#runFlags,
      ...folder,
      "--cgroup",
      cgroup,
      IMAGE,
      name,
      ...command,
    ];
  }

  runAttached(options: ContainerOptions): Promise<CommandResult> {
    return this.ctr(this.#run(options, ["--rm"]), options.stdin);
  }

  /** ctr has no flag for a limit of pids: it is written into the container's cgroup. */
  async runDetached(options: ContainerOptions): Promise<void> {
    const log = `file://${this.#logPath(options.name)}`;
    await this.#must(this.#run(options, ["--detach", "--log-uri", log]));
    if (options.pidsLimit !== undefined) await this.setPidsLimit(options.name, options.pidsLimit);
  }

  #logPath(name: string): string {
    return this.#sandbox.path("logs", `${name}.log`);
  }

  #exec(name: string, flags: string[], command: string[]): string[] {
    const id = `exec${++this.#execs}`;
    const folder = this.#sandbox.path("fifo");
    return ["task", "exec", ...flags, "--exec-id", id, "--fifo-dir", folder, name, ...command];
  }

  exec(name: string, { command, stdin }: ExecOptions): Promise<CommandResult> {
    return this.ctr(this.#exec(name, [], command), stdin);
  }

  execTerminal(name: string, size: TerminalSize): TerminalSession {
    return new TerminalSession([...this.#base, ...this.#exec(name, ["-t"], ["sh"])], size);
  }

  async logs(name: string): Promise<string> {
    const path = this.#logPath(name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  async kill(name: string, signal: string): Promise<void> {
    await this.#must(["task", "kill", "-s", signal, name]);
  }

  /** ctr tells the exit code of a detached task only as a warning while it deletes the task. */
  async wait(name: string): Promise<number> {
    await waitUntil(`${name} stops`, async () => (await this.status(name)) === "stopped");
    const deleted = await this.ctr(["task", "delete", name]);
    return Number(deleted.stderr.match(/non-zero exit code (\d+)/)?.[1] ?? 0);
  }

  async pause(name: string): Promise<void> {
    await this.#must(["task", "pause", name]);
  }

  async unpause(name: string): Promise<void> {
    await this.#must(["task", "resume", name]);
  }

  async setPidsLimit(name: string, limit: number): Promise<void> {
    const cgroup = cgroupOfProcess(await this.initPid(name), "pids");
    writeFileSync(join(cgroup, "pids.max"), String(limit));
  }

  async remove(name: string): Promise<void> {
    if (await this.#task(name)) await this.#must(["task", "delete", "--force", name]);
    await this.#must(["container", "delete", name]);
  }

  async status(name: string): Promise<ContainerStatus> {
    const task = await this.#task(name);
    if (task) return task.status;
    const known = (await this.#must(["container", "ls", "-q"])).split("\n").includes(name);
    return known ? "stopped" : "absent";
  }

  async initPid(name: string): Promise<number> {
    const task = await this.#task(name);
    if (!task) throw new Error(`ctr lists no task ${name}`);
    return task.pid;
  }

  async #task(name: string): Promise<{ pid: number; status: ContainerStatus } | undefined> {
    for (const line of (await this.#must(["task", "ls"])).split("\n")) {
      const [task, pid, status] = line.split(/\s+/);
      if (task === name) return { pid: Number(pid), status: statusOf(status ?? "") };
    }
    return undefined;
  }
}

function statusOf(word: string): ContainerStatus {
  if (word === "RUNNING") return "running";
  return word === "PAUSED" ? "paused" : "stopped";
}
