import { readSpool } from "#lib/trace/spool.ts";
import {
  drawCgroups,
  drawNamespaces,
  drawProcesses,
  findStackProcesses,
} from "#tools/cli/tour/stack_processes.ts";
import { type AssembledTrace, assembleTraces } from "#tools/cli/trace/assemble_trace.ts";
import { drawWaterfall } from "#tools/cli/trace/draw_waterfall.ts";
import { describeResult } from "../lib/command.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { LeakingStack } from "../seeing/leaking_stack.ts";

/** What our own chain shows of one container, one exec, and one exec that is refused. */
export interface OwnChain {
  processes: string;
  kernelView: string;
  trace: AssembledTrace;
  waterfall: string;
  refusal: string;
  explained: string;
}

const PIDS_LIMIT = 30;
const WIDTH = 110;

/** Starts a stack of ours, does what the documents tell of, and keeps what was seen. */
export async function watchOwnChain(sandbox: Sandbox): Promise<OwnChain> {
  const stack = await LeakingStack.start(sandbox);
  const { state } = stack.daemon;
  await stack.run("calm", 100, "sleep", "100000");
  const pid = await firstProcess(stack, "calm");
  const processes = drawProcesses(findStackProcesses(state, pid));
  const kernelView =
    `namespaces of process ${pid}\n${drawNamespaces(pid)}\n\n` +
    `cgroups of process ${pid}\n${drawCgroups(pid)}`;
  // The first exec pays for what the next ones find ready.
  await stack.must("exec", "calm", "true");
  await stack.must("exec", "calm", "sh", "-c", "echo hello");
  const trace = await waitUntil("the exec's trace is whole", () =>
    assembleTraces(readSpool(state)).findLast(
      ({ rows }) =>
        rows.some(({ span }) => span.layer === "init" && span.name.startsWith("execve sh")) &&
        rows.some(({ span }) => span.layer === "cli"),
    ),
  );
  await stack.run("full", PIDS_LIMIT, "thread-leak");
  await waitUntil("the leak is done", async () =>
    (await stack.must("logs", "full")).includes("leaked"),
  );
  const refused = await stack.catena("exec", "full", "true");
  const refusal = refused.stdout + refused.stderr;
  const id = /catena explain (\w+)\)/.exec(refusal)?.[1];
  if (id === undefined) throw new Error(`the exec was not refused: ${describeResult(refused)}`);
  const explained = await stack.must("explain", id);
  const waterfall = drawWaterfall(trace, WIDTH, false);
  return { processes, kernelView, trace, waterfall, refusal, explained };
}

async function firstProcess(stack: LeakingStack, name: string): Promise<number> {
  const { connectDocker } = await import("#wire/docker-api/client/docker_client.ts");
  const engine = connectDocker(`${stack.daemon.state}/docker.sock`);
  return (await engine.containerInspect(name, false, {})).State.Pid;
}
