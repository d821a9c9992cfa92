import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { CgroupJoin } from "#stack/runc/cgroups/cgroup_join.ts";
import { launchContainer } from "#stack/runc/process/launch_container.ts";
import { launchExec } from "#stack/runc/process/launch_exec.ts";
import type { ContainerLaunch, ExecLaunch, Launched } from "#stack/runc/process/launch_types.ts";
import { LocalLauncher } from "#stack/runc/process/local_launcher.ts";
import { compileFilter } from "#stack/runc/process/seccomp_input.ts";
import { NAMESPACE_FILE } from "#stack/runc/spec/linux_constants.ts";
import type { NamespaceType, Process, Spec } from "#stack/runc/spec/spec_types.ts";
import { commonSpec, makeRootfs } from "./busybox_container.ts";
import { exchange } from "./exec_fifo.ts";

const PIDS = "/sys/fs/cgroup/pids";
const SETTLE_MS = 5_000;

/** Root on a host with a v1 pids hierarchy: what these tests need. */
export const CAN_LAUNCH =
  process.geteuid?.() === 0 && readdirSync("/sys/fs/cgroup").includes("pids");

export interface ContainerOptions {
  args?: string[];
  edit?: (spec: Spec, container: TestContainer) => void;
  rootfs?: (rootfs: string) => void;
  launch?: Partial<ContainerLaunch>;
}

/** A busybox container that is launched through the library alone: no command line, no state. */
export class TestContainer {
  readonly folder = mkdtempSync(join(tmpdir(), "catest-init-"));
  readonly rootfs = join(this.folder, "rootfs");
  readonly cgroupFolder = join(PIDS, basename(this.folder).toLowerCase());
  readonly cgroup: CgroupJoin;
  readonly output = join(this.folder, "output");
  readonly warnings: string[] = [];
  spec: Spec;
  pid = 0;
  readonly #stdin = openSync("/dev/null", "r");
  readonly #stdout = openSync(this.output, "a");
  readonly launcher: LocalLauncher;

  constructor(readonly options: ContainerOptions = {}) {
    const stdio = { stdin: this.#stdin, stdout: this.#stdout, stderr: this.#stdout };
    this.launcher = new LocalLauncher({ blockMs: 0, stdio });
    makeRootfs(this.rootfs);
    mkdirSync(join(this.folder, "state"));
    writeFileSync(join(this.folder, "state/lock"), "");
    mkdirSync(this.cgroupFolder);
    this.cgroup = {
      v1: [{ controllers: ["pids"], path: this.cgroupFolder }],
      pureV2: false,
      pidsLevels: [
        {
          current: join(this.cgroupFolder, "pids.current"),
          max: join(this.cgroupFolder, "pids.max"),
        },
      ],
      lockPath: join(this.folder, "state/lock"),
    };
    this.spec = commonSpec(options.args ?? ["sleep", "1000"]);
    options.rootfs?.(this.rootfs);
    options.edit?.(this.spec, this);
  }

  /** Creates the container: its process waits for `start`. */
  async create(): Promise<Launched> {
    Bun.spawnSync(["mkfifo", "-m", "622", this.#fifo]);
    const launched = await launchContainer({
      launcher: this.launcher,
      cgroup: this.cgroup,
      id: basename(this.folder),
      spec: this.spec,
      bundle: this.folder,
      stateDir: join(this.folder, "state"),
      noPivot: false,
      noNewKeyring: false,
      warn: (text) => this.warnings.push(text),
      async onNamespaces() {},
      ...this.options.launch,
    });
    this.pid = launched.pid;
    return launched;
  }

  get #fifo(): string {
    return join(this.folder, "state/exec.fifo");
  }

  /** What `start` does: opens the fifo, by which the process goes on to its program. */
  async start(): Promise<void> {
    await exchange(this.#fifo);
    await settle("the program runs", () => !commandOf(this.pid).includes("catena-init"));
  }

  /** Creates, starts, and waits for the program's end; returns its exit code. */
  async run(): Promise<number> {
    await this.create();
    await this.start();
    const { code } = await this.launcher.waitFor(this.pid);
    this.pid = 0;
    return code;
  }

  execLaunch(args: string[], changes: Partial<Process> = {}): ExecLaunch {
    const namespacePaths: Record<string, string> = {};
    for (const { type } of this.spec.linux?.namespaces ?? []) {
      const file = NAMESPACE_FILE[type as NamespaceType];
      namespacePaths[type] = `/proc/${this.pid}/ns/${file}`;
    }
    const filter = compileFilter(this.spec, join(this.folder, "state"));
    return {
      launcher: this.launcher,
      cgroup: this.cgroup,
      id: basename(this.folder),
      process: { ...this.spec.process!, args, ...changes },
      spec: this.spec,
      ...(filter ? { filter } : {}),
      containerPid: this.pid,
      namespacePaths,
    };
  }

  /** Runs a command in the started container. */
  async exec(
    args: string[],
    changes: Partial<Process> = {},
    launch: Partial<ExecLaunch> = {},
  ): Promise<{ code: number; text: string; launched: Launched }> {
    const before = this.text().length;
    const launched = await launchExec({ ...this.execLaunch(args, changes), ...launch });
    const { code } = await this.launcher.waitFor(launched.pid);
    return { code, text: this.text().slice(before), launched };
  }

  /** Everything that was printed so far. */
  text(): string {
    return readFileSync(this.output, "utf8");
  }

  /** Waits until the container's program has printed something. */
  async printed(wanted: RegExp): Promise<void> {
    await settle(`${wanted} is printed`, () => wanted.test(this.text()));
  }

  limitPids(limit: number | "max"): void {
    writeFileSync(join(this.cgroupFolder, "pids.max"), String(limit));
  }

  get pids(): number {
    return Number(readFileSync(join(this.cgroupFolder, "pids.current"), "utf8"));
  }

  async close(): Promise<void> {
    if (this.pid > 0) {
      process.kill(this.pid, "SIGKILL");
      await this.launcher.waitFor(this.pid);
    }
    closeSync(this.#stdin);
    closeSync(this.#stdout);
    const deadline = Date.now() + SETTLE_MS;
    for (;;) {
      try {
        rmdirSync(this.cgroupFolder);
        break;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await Bun.sleep(5);
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Waits for what happens in another process. */
export async function settle(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`in vain: ${what}`);
    await Bun.sleep(2);
  }
}

/** The name of a process's program; empty when it has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    return "";
  }
}

/** Runs a test with a container that is removed afterwards, whatever happens. */
export function withContainer(
  options: ContainerOptions,
  work: (container: TestContainer) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const container = new TestContainer(options);
    try {
      await work(container);
    } finally {
      await container.close();
    }
  };
}

/** With a container that was created and started. */
export function withStarted(
  options: ContainerOptions,
  work: (container: TestContainer) => Promise<void>,
): () => Promise<void> {
  return withContainer(options, async (container) => {
    await container.create();
    await container.start();
    await work(container);
  });
}

/** The ChainError that a launch ends with. */
export async function failureOf(launch: Promise<unknown>): Promise<ChainError> {
  try {
    await launch;
  } catch (error) {
    if (error instanceof ChainError) return error;
    throw error;
  }
  throw new Error("the launch did not fail");
}
