import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import { writeBusyboxTar } from "#tools/demo/busybox_rootfs.ts";
import { type CatenaFolders, startCatenaDaemon } from "../lib/catena_stack.ts";
import { type CommandResult, mustRun, runCommand } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { ROOT } from "../tidy/source_files.ts";

const IMAGE = "seen:latest";

/** A stack of ours with an image whose program leaks threads, slowly if it is told. */
export class LeakingStack {
  readonly daemon: Daemon & CatenaFolders;
  readonly #sandbox: Sandbox;

  private constructor(sandbox: Sandbox, daemon: Daemon & CatenaFolders) {
    this.#sandbox = sandbox;
    this.daemon = daemon;
  }

  /** `flags` are further ones of `catena daemon`. */
  static async start(sandbox: Sandbox, flags: string[] = []): Promise<LeakingStack> {
    const leak = sandbox.path("build", "thread-leak");
    const source = join(ROOT, "tools/demo/thread_leak.c");
    await mustRun(["gcc", "-O2", "-static", "-pthread", "-s", "-o", leak, source]);
    const tar = sandbox.path("build", "rootfs.tar");
    await writeBusyboxTar(tar, { "thread-leak": leak });
    const stack = new LeakingStack(sandbox, await startCatenaDaemon(sandbox, flags));
    await stack.must("import", tar, IMAGE);
    return stack;
  }

  /** Runs `catena COMMAND …` on this stack. */
  catena(command: string, ...args: string[]): Promise<CommandResult> {
    return runCommand([binPath("catena"), command, "--state", this.daemon.state, ...args]);
  }

  async must(command: string, ...args: string[]): Promise<string> {
    return mustRun([binPath("catena"), command, "--state", this.daemon.state, ...args]);
  }

  /** Starts a container in the background. */
  async run(name: string, pidsLimit: number, ...command: string[]): Promise<void> {
    const limit = ["--pids-limit", String(pidsLimit)];
    await this.must("run", "-d", "--name", name, "--network", "none", ...limit, IMAGE, ...command);
  }

  /** Starts `catena dashboard` and returns the address that it prints. */
  async dashboard(...flags: string[]): Promise<string> {
    const { root, state } = this.daemon;
    const argv = [binPath("catena"), "dashboard", "--root", root, "--state", state, ...flags];
    const dashboard = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    this.#sandbox.onClose(async () => {
      dashboard.kill();
      await dashboard.exited;
    });
    let text = "";
    const decoder = new TextDecoder();
    const reader = dashboard.stdout.getReader();
    return waitUntil("the dashboard prints its address", async () => {
      text += decoder.decode((await reader.read()).value);
      return /http:\/\/127\.0\.0\.1:\d+\/\?token=\w+/.exec(text)?.[0];
    });
  }
}
