import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { childEnv } from "#lib/install/child_env.ts";
import { busyboxFolder } from "../../lib/busybox_image.ts";
import {
  type CommandOptions,
  type CommandResult,
  describeResult,
  runCommand,
} from "../../lib/command.ts";
import { type RuntimeConfig, runtimeConfig } from "../../lib/runtime_bundle.ts";
import type { Sandbox } from "../../lib/sandbox.ts";
import { Container } from "./container.ts";
import { installProbe } from "./probe_program.ts";
import type { RuntimeUnderTest } from "./runtime_under_test.ts";

/** What a trial's container is to be, beside the usual. */
export interface Wish {
  /** A script for the container's sh; or `args`. */
  script?: string;
  args?: string[];
  /** Last word on config.json. */
  edit?: (config: RuntimeConfig) => void;
  /** A root file system of its own, writable. */
  ownRoot?: boolean;
  terminal?: boolean;
  /** Flags before and after the verb. */
  globals?: string[];
  flags?: string[];
  env?: Record<string, string>;
  stdin?: string;
  /** More descriptors of the runtime, from 3 on. */
  fds?: number[];
}

/** A container that sleeps must still end when its runtime loses it. */
const SLEEP = ["sleep", "300"];
const LIMIT_MS = 30_000;

let shared: Promise<string> | undefined;

/** The root file system that containers share which do not write to it. */
function sharedRoot(sandbox: Sandbox): Promise<string> {
  shared ??= newRoot(sandbox, "rootfs").catch((error) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

async function newRoot(sandbox: Sandbox, ...names: string[]): Promise<string> {
  const folder = await busyboxFolder(sandbox, ...names);
  await installProbe(sandbox, folder);
  // A container's root that is not the host's could not make it.
  mkdirSync(`${folder}/mnt`);
  return folder;
}

let made = 0;

/** One case on one runtime: makes bundles, runs the runtime, and removes what was made. */
export class Trial {
  readonly #containers: Container[] = [];
  readonly #closers: (() => void | Promise<void>)[] = [];
  /** A name for this trial's files and containers. */
  readonly tag: string;

  constructor(
    readonly runtime: RuntimeUnderTest,
    readonly sandbox: Sandbox,
  ) {
    this.tag = `t${++made}`;
  }

  /** A path in the trial's own folder. */
  path(...names: string[]): string {
    return this.sandbox.path("trials", this.tag, ...names);
  }

  /** A folder of the trial's own. */
  folder(...names: string[]): string {
    const path = this.path(...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Registers work for the trial's end. */
  onClose(work: () => void | Promise<void>): void {
    this.#closers.push(work);
  }

  argv(...args: string[]): string[] {
    return [...this.runtime.argv, "--root", this.runtime.root, ...args];
  }

  /** Runs the runtime. */
  call(args: string[], options: CommandOptions = {}): Promise<CommandResult> {
    const env = { CATENA_STATE: this.sandbox.path("catena-state"), ...options.env };
    return runCommand(this.argv(...args), { timeoutMs: LIMIT_MS, ...options, env });
  }

  /** The same, for what has to succeed. Returns stdout. */
  async must(args: string[], options: CommandOptions = {}): Promise<string> {
    const result = await this.call(args, options);
    if (result.code !== 0) throw new Error(describeResult(result));
    return result.stdout;
  }

  /** Makes a bundle. Its container is deleted at the trial's end. */
  async bundle(wish: Wish = {}): Promise<Container> {
    const id = `${this.tag}-${this.#containers.length + 1}`;
    const bundle = this.folder("bundles", id);
    const args = wish.args ?? (wish.script === undefined ? SLEEP : ["sh", "-c", wish.script]);
    const config = runtimeConfig(`/${this.sandbox.tag}/${id}`, {
      args,
      terminal: wish.terminal ?? false,
    });
    const root = wish.ownRoot
      ? await newRoot(this.sandbox, "trials", this.tag, "bundles", id, "rootfs")
      : await sharedRoot(this.sandbox);
    config["root"] = { path: wish.ownRoot ? "rootfs" : root, readonly: !wish.ownRoot };
    wish.edit?.(config);
    writeFileSync(`${bundle}/config.json`, JSON.stringify(config, null, 1));
    const container = new Container(this, id, bundle);
    this.#containers.push(container);
    return container;
  }

  /** Runs a container in the foreground to its end. */
  async tryRun(wish: Wish): Promise<CommandResult> {
    const { id, bundle } = await this.bundle(wish);
    const { globals = [], flags = [], env = {}, stdin, fds = [] } = wish;
    const args = [...globals, "run", ...flags, "--bundle", bundle, id];
    if (fds.length > 0) return this.#callWith(fds, args, env);
    return this.call(args, { env, ...(stdin === undefined ? {} : { stdin }) });
  }

  /** The same, for one that has to end well. Returns its output, trimmed. */
  async run(wish: Wish): Promise<string> {
    const result = await this.tryRun(wish);
    if (result.code !== 0) throw new Error(describeResult(result));
    return result.stdout.trim();
  }

  /** Runs a container that has to be refused. Returns what was said, all of it. */
  async refused(wish: Wish): Promise<string> {
    const result = await this.tryRun({ args: ["true"], ...wish });
    if (result.code === 0 || result.timedOut)
      throw new Error(`it was not refused\n${describeResult(result)}`);
    return result.stdout + result.stderr;
  }

  /** Starts a container in the background. */
  async start(wish: Wish = {}): Promise<Container> {
    const container = await this.bundle(wish);
    await container.detach("run", wish, "--detach");
    return container;
  }

  /** Creates a container that is yet to be started. */
  async create(wish: Wish = {}): Promise<Container> {
    const container = await this.bundle(wish);
    await container.detach("create", wish);
    return container;
  }

  async #callWith(
    fds: number[],
    args: string[],
    env: Record<string, string>,
  ): Promise<CommandResult> {
    const out = this.path("out");
    const err = this.path("err");
    const argv = this.argv(...args);
    // Socket activation is for the process that LISTEN_PID names.
    const script = 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"';
    const child = Bun.spawn(["sh", "-c", script, "sh", ...argv], {
      stdio: ["ignore", Bun.file(out), Bun.file(err), ...fds],
      env: childEnv(env),
      timeout: LIMIT_MS,
    });
    const code = await child.exited;
    const [stdout, stderr] = [readFileSync(out, "utf8"), readFileSync(err, "utf8")];
    return { argv, code, stdout, stderr, timedOut: false };
  }

  /** Deletes the trial's containers and files. */
  async close(): Promise<void> {
    for (const container of this.#containers.reverse()) {
      await this.call(["delete", "--force", container.id]);
    }
    for (const work of this.#closers.splice(0).reverse()) await work();
    rmSync(this.folder(), { recursive: true, force: true });
  }
}
