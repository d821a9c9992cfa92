import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { busyboxTar } from "../lib/busybox_image.ts";
import { startCatenaDaemon, startCatenaDaemonOn } from "../lib/catena_stack.ts";
import { type CommandResult, mustRun, runCommand } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import { PrivateNetwork } from "../lib/private_network.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

export type StackKind = "genuine" | "catena";

/** Busybox. */
export const IMAGE = "faults:1";
/** A docker command that a fault makes hang is ended after this. */
const COMMAND_MS = 20_000;

/** A private Docker stack on which faults are injected one after the other. */
export class FaultStack {
  readonly kind: StackKind;
  readonly sandbox: Sandbox;
  readonly dockerd: Daemon;
  readonly containerd: Daemon;
  readonly dockerSocket: string;
  readonly containerdSocket: string;
  /** What shims have as XDG_RUNTIME_DIR. */
  readonly runtimeDir: string;
  readonly #network: PrivateNetwork | undefined;
  #serial = 0;

  private constructor(
    kind: StackKind,
    sandbox: Sandbox,
    daemons: { dockerd: Daemon; containerd: Daemon; containerdSocket: string },
    runtimeDir: string,
    network: PrivateNetwork | undefined,
  ) {
    this.kind = kind;
    this.sandbox = sandbox;
    this.dockerd = daemons.dockerd;
    this.containerd = daemons.containerd;
    this.dockerSocket = daemons.dockerd.socket;
    this.containerdSocket = daemons.containerdSocket;
    this.runtimeDir = runtimeDir;
    this.#network = network;
  }

  /** `networked`: with bridge networks, in a network namespace of its own. */
  static async start(kind: StackKind, networked = false): Promise<FaultStack> {
    const sandbox = new Sandbox();
    try {
      const runtimeDir = sandbox.path("xdg");
      mkdirSync(runtimeDir, { recursive: true });
      process.env["XDG_RUNTIME_DIR"] = runtimeDir;
      const network = networked ? await PrivateNetwork.create(sandbox, "faults") : undefined;
      const daemons = await startDaemons(kind, sandbox, network);
      const stack = new FaultStack(kind, sandbox, daemons, runtimeDir, network);
      await stack.must("import", await busyboxTar(sandbox), IMAGE);
      return stack;
    } catch (error) {
      await sandbox.close();
      throw error;
    }
  }

  /** Runs a docker command; a hang ends after a while and is a result like any other. */
  docker(...args: (string | { timeoutMs: number })[]): Promise<CommandResult> {
    const words = args.filter((arg) => typeof arg === "string");
    const limit = args.find((arg) => typeof arg !== "string");
    return runCommand(["docker", "-H", `unix://${this.dockerSocket}`, ...words], {
      timeoutMs: limit?.timeoutMs ?? COMMAND_MS,
    });
  }

  async must(...args: string[]): Promise<string> {
    const argv = ["docker", "-H", `unix://${this.dockerSocket}`, ...args];
    return (await mustRun(argv, { timeoutMs: COMMAND_MS })).trim();
  }

  /** The command line that runs a program where the stack's ports are. */
  enter(argv: string[]): string[] {
    return this.#network?.enter(argv) ?? argv;
  }

  /** A name that no other container of this stack has. */
  newName(): string {
    this.#serial += 1;
    return `fault-${this.#serial}`;
  }

  /** Starts a container in the background: flags, then the command. Returns its name. */
  async run(flags: string[], command: string[] = ["sleep", "100000"]): Promise<string> {
    const name = this.newName();
    const args = ["run", "-d", "--name", name, "--network", "none", ...flags, IMAGE, ...command];
    await this.must(...args);
    return name;
  }

  /** The same, where the start is meant to fail. */
  async runBroken(flags: string[], command: string[] = ["sleep", "100000"]): Promise<string> {
    const name = this.newName();
    await this.docker(
      "run",
      "-d",
      "--name",
      name,
      "--network",
      "none",
      ...flags,
      IMAGE,
      ...command,
    );
    return name;
  }

  create(flags: string[]): Promise<string> {
    const name = this.newName();
    const args = [
      "create",
      "--name",
      name,
      "--network",
      "none",
      ...flags,
      IMAGE,
      "sleep",
      "100000",
    ];
    return this.must(...args).then(() => name);
  }

  async remove(name: string): Promise<void> {
    await this.docker("rm", "-f", name);
  }

  async inspect(name: string, format: string): Promise<string> {
    return this.must("inspect", "-f", format, name);
  }

  async initPid(name: string): Promise<number> {
    return Number(await this.inspect(name, "{{.State.Pid}}"));
  }

  /** The process that holds a container: the subreaper above its first process. */
  async shimPid(name: string): Promise<number> {
    const id = await this.inspect(name, "{{.Id}}");
    return waitUntil(`${name} has a shim`, () => findShim(id, this.containerdSocket));
  }
}

async function startDaemons(
  kind: StackKind,
  sandbox: Sandbox,
  network: PrivateNetwork | undefined,
) {
  if (kind === "catena") {
    const daemon = await (network
      ? startCatenaDaemonOn(sandbox, network)
      : startCatenaDaemon(sandbox));
    const containerdSocket = `${daemon.state}/containerd.sock`;
    return { dockerd: daemon, containerd: daemon, containerdSocket };
  }
  const containerd = await startGenuineContainerd(sandbox);
  const slow = sandbox.path("slow-runtime");
  writeFileSync(slow, SLOW_RUNTIME, { mode: 0o755 });
  const racing = sandbox.path("racing-runtime");
  writeFileSync(racing, RACING_RUNTIME, { mode: 0o755 });
  const runtimes = { slow, racing, gone: "/nowhere/runc" };
  const dockerd = await startGenuineDockerd(sandbox, {
    ...{ containerd: containerd.socket, runtimes },
    ...(network && { network }),
  });
  return { dockerd, containerd, containerdSocket: containerd.socket };
}

/** Each exec takes four seconds longer than it should. */
const SLOW_RUNTIME = `#!/bin/sh
case " $* " in *" exec "*) sleep 4;; esac
exec /usr/sbin/runc "$@"
`;

/** Loses the race of FAULTS.md every time: threads of init start after it has joined the cgroup. */
const RACING_RUNTIME = `#!/bin/sh
case " $* " in *" exec "*)
  exec strace -f -qq -o /dev/null -e trace=clone3 -e inject=clone3:delay_enter=50ms \\
    /usr/sbin/runc "$@";;
esac
exec /usr/sbin/runc "$@"
`;

function findShim(id: string, containerdSocket: string): number | undefined {
  let shared: number | undefined;
  for (const entry of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(entry)) continue;
    let argv: string[];
    try {
      argv = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
    } catch {
      continue;
    }
    if (!argv[0]?.includes("containerd-shim")) continue;
    if (argv.includes(id)) return Number(entry);
    if (argv.includes(containerdSocket)) shared = Number(entry);
  }
  return shared;
}
