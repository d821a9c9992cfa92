import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupOfProcess } from "../../lib/cgroup_tree.ts";
import { type CommandResult, mustRun } from "../../lib/command.ts";
import { type BundleOptions, makeBundle } from "../../lib/runtime_bundle.ts";
import type { Sandbox } from "../../lib/sandbox.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import { RuncClient } from "../../swap/runc_client.ts";

/** A shell that stays until it is killed, and reaps. */
export const STAY = ["sh", "-c", "trap exit TERM; while :; do sleep 1000 & wait $!; done"];

/** One container of one runtime, and its cgroup on v2. */
export class V2Container {
  readonly id: string;
  readonly runtime: RuncClient;

  private constructor(runtime: RuncClient, id: string) {
    this.runtime = runtime;
    this.id = id;
  }

  /** Runs a container detached; `options.args` stays by default. `flags` are the runtime's own. */
  static async run(
    sandbox: Sandbox,
    binary: string,
    id: string,
    options: Partial<BundleOptions> = {},
    flags: string[] = [],
  ): Promise<V2Container> {
    const container = new V2Container(new RuncClient(sandbox, binary, flags), id);
    const bundle = await makeBundle(sandbox, id, { args: STAY, ...options });
    await container.runtime.mustDetach(["run", "-d", "-b", bundle, id]);
    return container;
  }

  async initPid(): Promise<number> {
    return JSON.parse(await this.runtime.must(["state", this.id])).pid;
  }

  /** The cgroup that init is in now. */
  async cgroup(): Promise<string> {
    return cgroupOfProcess(await this.initPid(), "");
  }

  exec(...command: string[]): Promise<CommandResult> {
    return this.runtime.call(["exec", this.id, ...command]);
  }

  async remove(): Promise<void> {
    await this.runtime.must(["delete", "--force", this.id]);
  }
}

/** One cgroup file, trimmed. */
export function readKnob(cgroup: string, file: string): string {
  return readFileSync(join(cgroup, file), "utf8").trim();
}

export function writeKnob(cgroup: string, file: string, value: string): void {
  writeFileSync(join(cgroup, file), value);
}

/** One number of a flat-keyed file such as memory.events; 0 when the key is not there. */
export function readKey(cgroup: string, file: string, key: string): number {
  const line = readKnob(cgroup, file)
    .split("\n")
    .find((entry) => entry.startsWith(`${key} `));
  return Number(line?.slice(key.length + 1) ?? 0);
}

/** Waits until a cgroup counts exactly so many processes, which the kernel's reaping may delay. */
export async function pidsSettle(cgroup: string, count: number): Promise<void> {
  await waitUntil(
    `${cgroup} holds ${count} processes`,
    () => Number(readKnob(cgroup, "pids.current")) === count,
  );
}

/** Options of the machine's unified hierarchy. */
export function hierarchyOptions(): string {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const line = mounts.find((entry) => entry.includes(" /sys/fs/cgroup ")) ?? "";
  return line.slice(line.indexOf(" - cgroup2 ")).split(" ").at(-1) ?? "";
}

/**
 * Gives the hierarchy the options back that systemd mounts it with. Genuine runtimes take them from
 * the whole host whenever they mount it for a container without a cgroup namespace.
 */
export async function delegateHierarchy(): Promise<void> {
  await mustRun(["mount", "-o", "remount,nsdelegate,memory_recursiveprot", "/sys/fs/cgroup"]);
}
