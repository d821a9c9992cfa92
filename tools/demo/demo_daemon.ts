import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { binPath } from "#lib/install/install_paths.ts";

const START_MS = 60_000;
const STOP_MS = 30_000;
const STEP_MS = 50;

/** `catena daemon` in a private folder, and the commands that talk to it. */
export class DemoDaemon {
  readonly folder: string;
  readonly state: string;
  readonly root: string;
  #daemon: ChildProcess | undefined;

  /** `prefix` begins the name of its folder. */
  constructor(prefix = "catena-demo-") {
    this.folder = mkdtempSync(join(tmpdir(), prefix));
    this.state = join(this.folder, "state");
    this.root = join(this.folder, "root");
    mkdirSync(this.state, { mode: 0o755 });
    mkdirSync(this.root, { mode: 0o700 });
  }

  get socket(): string {
    return join(this.state, "docker.sock");
  }

  get #folders(): string[] {
    return ["--root", this.root, "--state", this.state];
  }

  /** Starts the daemon and waits for its socket. With `detached` it outlives this process. */
  async start(detached: boolean): Promise<void> {
    const logPath = join(this.folder, "daemon.log");
    const log = openSync(logPath, "a", 0o600);
    // The demonstration leaves the host's network as it is.
    const args = ["daemon", "--bridge", "none", ...this.#folders];
    const daemon = spawn(binPath("catena"), args, {
      stdio: ["ignore", log, log],
      env: childEnv(),
      detached,
    });
    closeSync(log);
    this.#daemon = daemon;
    if (detached) daemon.unref();
    const deadline = Date.now() + START_MS;
    while (!(await accepts(this.socket))) {
      if (daemon.exitCode !== null || daemon.signalCode !== null || Date.now() > deadline) {
        throw new Error(`the daemon did not come up:\n${readFileSync(logPath, "utf8")}`);
      }
      await Bun.sleep(STEP_MS);
    }
  }

  /** The daemon's process id while it runs. */
  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  /** Runs `catena COMMAND …` on this daemon with our stdio. Returns its exit code. */
  catena(command: string, args: string[]): number {
    return this.#run(command, args, "inherit").status ?? 128;
  }

  /** What a container has written so far. */
  logs(container: string): string {
    const { stdout, stderr } = this.#run("logs", [container], "pipe");
    return `${stdout}${stderr}`;
  }

  #run(command: string, args: string[], stdio: "inherit" | "pipe") {
    const argv = [command, "--state", this.state, ...args];
    const result = spawnSync(binPath("catena"), argv, { stdio, encoding: "utf8", env: childEnv() });
    if (result.error) throw result.error;
    return result;
  }

  /** Stops the daemon, removes every container and folder of it. Throws when something stays. */
  async remove(): Promise<void> {
    await this.#stop();
    const reset = spawnSync(binPath("catena"), ["system", "reset", ...this.#folders, "--force"], {
      encoding: "utf8",
      env: childEnv(),
    });
    if (reset.status !== 0) throw new Error(`catena system reset: ${reset.stderr}`);
    const mounts = readFileSync("/proc/self/mountinfo", "utf8");
    if (mounts.includes(` ${this.folder}/`)) throw new Error(`mounts are left in ${this.folder}`);
    rmSync(this.folder, { recursive: true });
  }

  async #stop(): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    daemon.once("exit", () => resolve());
    daemon.kill("SIGTERM");
    const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
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
