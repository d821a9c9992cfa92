import { type ProcessEntry, processesOf } from "../lib/process_table.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import type { DockerStack } from "./docker_bench.ts";
import { privateKb } from "./private_memory.ts";

/** Private memory of one stack while `containers` idle containers run, in kB. */
export interface MemoryUse {
  name: string;
  containers: number;
  /** dockerd and containerd, or the one daemon. */
  daemonsKb: number;
  /** All shims and keepers together. */
  shimsKb: number;
  shimCount: number;
  keeperCount: number;
  keepersKb: number;
}

const SETTLE_MS = 5_000;

/** Starts idle containers until there are `count`, and reads what the stack holds for itself. */
export async function benchMemory(
  stack: DockerStack,
  sandbox: Sandbox,
  count: number,
): Promise<MemoryUse> {
  for (let index = 1; index < count; index++) {
    await stack.client.runDetached({ name: `idle${index}`, command: ["sleep", "100000"] });
  }
  await Bun.sleep(SETTLE_MS);
  const processes = processesOf(sandbox.folder, sandbox.tag);
  const shims = processes.filter(({ command }) => /containerd-shim/.test(program(command)));
  const keepers = processes.filter(({ command }) => /catena-keeper/.test(program(command)));
  const keepersKb = sum(keepers);
  return {
    name: stack.name,
    containers: count,
    daemonsKb: stack.daemons.reduce((total, { pid }) => total + privateKb(pid), 0),
    shimsKb: sum(shims) + keepersKb,
    shimCount: shims.length,
    keeperCount: keepers.length,
    keepersKb,
  };
}

const program = (command: string) => command.split(" ")[0] ?? "";

const sum = (processes: ProcessEntry[]) =>
  processes.reduce((total, { pid }) => total + privateKb(pid), 0);
