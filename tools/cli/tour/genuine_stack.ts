import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childEnv } from "#lib/install/child_env.ts";
import { connectDocker } from "#wire/docker-api/client/docker_client.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";

/** Where distributions put them. */
const FOLDERS = [
  "/usr/bin",
  "/usr/sbin",
  "/usr/local/bin",
  "/usr/local/sbin",
  "/usr/libexec/docker",
];
const START_MS = 60_000;
const STOP_MS = 20_000;
const STEP_MS = 100;
const MAX_LOG_LINES = 4;

/** The programs of a genuine stack. */
export interface GenuinePrograms {
  dockerd: string;
  containerd: string;
  runc: string;
  /** Makes the race be lost each time. */
  strace: string | undefined;
}

/** The genuine programs of this host; undefined when one that is needed is not installed. */
export function findGenuinePrograms(): GenuinePrograms | undefined {
  const [dockerd, containerd, runc, strace] = ["dockerd", "containerd", "runc", "strace"].map(
    (name) => FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path)),
  );
  return dockerd && containerd && runc ? { dockerd, containerd, runc, strace } : undefined;
}

/** A genuine dockerd on a genuine containerd in a folder of their own, without any network. */
export class GenuineStack {
  readonly folder = mkdtempSync(join(tmpdir(), "catena-tour-genuine-"));
  readonly socket = join(this.folder, "docker.sock");
  readonly engine: DockerEngine = connectDocker(this.socket);
  readonly #programs: GenuinePrograms;
  #daemons: Bun.Subprocess[] = [];

  constructor(programs: GenuinePrograms) {
    this.#programs = programs;
  }

  /** The runtime whose execs lose the race for init's threads, where strace can see to that. */
  get runtime(): string {
    return this.#programs.strace === undefined ? "runc" : "slow";
  }

  /** Starts both. The caller closes the stack, also when this throws. */
  async start(): Promise<void> {
    const { dockerd, containerd } = this.#programs;
    const containerdSocket = join(this.folder, "containerd.sock");
    const path = (name: string) => join(this.folder, name);
    this.#spawn([
      containerd,
      "--config",
      "/dev/null",
      "--root",
      path("containerd-root"),
      "--state",
      path("containerd-state"),
      "--address",
      containerdSocket,
    ]);
    await this.#until("containerd serves its socket", async () => existsSync(containerdSocket));
    this.#spawn([
      dockerd,
      ...[
        "--containerd",
        containerdSocket,
        "--data-root",
        path("data"),
        "--exec-root",
        path("exec"),
      ],
      ...["-H", `unix://${this.socket}`, "-p", path("docker.pid")],
      ...["--bridge=none", "--iptables=false", "--config-file", this.#emptyConfig()],
      ...["--add-runtime", `slow=${this.#slowRuntime()}`],
    ]);
    await this.#until("dockerd answers", async () => {
      const signal = AbortSignal.timeout(START_MS);
      return this.engine.ping({ signal }).then(
        () => true,
        () => false,
      );
    });
  }

  /** The errors of dockerd's log, without their times. */
  errorLines(): string[] {
    const lines = readFileSync(join(this.folder, "dockerd.log"), "utf8").split("\n");
    const errors = lines.filter((line) => line.includes("level=error"));
    return errors.slice(-MAX_LOG_LINES).map((line) => line.replace(/^time="[^"]*" /, ""));
  }

  /** Ends both daemons, the later one first, and removes their folder. */
  async close(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) {
      daemon.kill("SIGTERM");
      const timer = setTimeout(() => daemon.kill("SIGKILL"), STOP_MS);
      await daemon.exited;
      clearTimeout(timer);
    }
    this.#daemons = [];
    for (const point of this.#mountPoints()) {
      spawnSync("umount", ["-l", point], { env: childEnv(), stdio: "ignore" });
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What is still mounted in the folder, the deepest first. */
  #mountPoints(): string[] {
    const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    const points = lines.map((line) => line.split(" ")[4] ?? "");
    return points.filter((point) => point.startsWith(`${this.folder}/`)).reverse();
  }

  #spawn(argv: string[]): void {
    const log = openSync(join(this.folder, `${argv[0]!.split("/").at(-1)}.log`), "a", 0o600);
    // Sessions of their own: a Ctrl-C at the terminal is for the tour, which ends them in order.
    const env = childEnv();
    this.#daemons.push(Bun.spawn(argv, { stdio: ["ignore", log, log], env, detached: true }));
    closeSync(log);
  }

  async #until(what: string, look: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (!(await look())) {
      const gone = this.#daemons.find((daemon) => daemon.exitCode !== null);
      if (gone || Date.now() > deadline) {
        throw new Error(`the genuine stack did not come up: ${what}: see ${this.folder}/*.log`);
      }
      await Bun.sleep(STEP_MS);
    }
  }

  /** The host's own daemon.json is not meant for this daemon. */
  #emptyConfig(): string {
    const path = join(this.folder, "daemon.json");
    writeFileSync(path, "{}\n");
    return path;
  }

  /** runc whose execs start their threads later: after they were moved into the cgroup. */
  #slowRuntime(): string {
    const { runc, strace } = this.#programs;
    const path = join(this.folder, "slow-runc");
    const inject = "-e trace=clone3,clone -e inject=clone3:delay_enter=50ms";
    const traced = `exec ${strace} -f -qq -o /dev/null ${inject} ${runc} "$@"`;
    const slow = `case " $* " in *" exec "*) ${traced};; esac\n`;
    const script = `#!/bin/sh\n${strace === undefined ? "" : slow}exec ${runc} "$@"\n`;
    writeFileSync(path, script, { mode: 0o755 });
    return path;
  }
}
