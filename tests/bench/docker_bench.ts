import { reasonToSkip } from "../lib/box_probe.ts";
import { startCatenaDaemon } from "../lib/catena_stack.ts";
import { describeResult } from "../lib/command.ts";
import type { Daemon } from "../lib/daemon.ts";
import { startGenuineContainerd, startGenuineDockerd } from "../lib/genuine_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "../swap/docker_client.ts";
import { EngineClient } from "./engine_client.ts";
import { type Contender, measureInTurn, type Timing } from "./measure_in_turn.ts";

/** A whole stack behind a Docker socket. */
export interface DockerStack {
  name: string;
  client: DockerClient;
  engine: EngineClient;
  daemons: Daemon[];
}

export const GENUINE_STACK = "dockerd, containerd, runc";
export const OUR_STACK = "catena daemon";

/** Starts both stacks side by side. Ours is left out, with the reason, while it is not there. */
export async function startStacks(
  genuine: Sandbox,
  ours: Sandbox,
): Promise<{ stacks: DockerStack[]; missing: string | undefined }> {
  const containerd = await startGenuineContainerd(genuine);
  const dockerd = await startGenuineDockerd(genuine, { containerd: containerd.socket });
  const stacks = [await asStack(GENUINE_STACK, genuine, dockerd.socket, [dockerd, containerd])];
  const missing = reasonToSkip(["catena daemon", "catena shim", "catena runc"]);
  if (missing === undefined) {
    const daemon = await startCatenaDaemon(ours);
    stacks.push(await asStack(OUR_STACK, ours, daemon.socket, [daemon]));
  }
  return { stacks, missing };
}

async function asStack(
  name: string,
  sandbox: Sandbox,
  socket: string,
  daemons: Daemon[],
): Promise<DockerStack> {
  const client = new DockerClient(sandbox, socket);
  await client.importImage();
  await client.runDetached({ name: "bench", command: ["sleep", "100000"] });
  return { name, client, engine: new EngineClient(socket), daemons };
}

export interface DockerTimings {
  execCold: Timing[];
  execWarm: Timing[];
  dockerExec: Timing[];
  dockerRun: Timing[];
}

/** Times an exec over the API (after a pause, and back to back), `docker exec`, `docker run`. */
export async function benchDocker(stacks: DockerStack[], samples: number): Promise<DockerTimings> {
  const contenders = (work: (stack: DockerStack) => Promise<void>): Contender[] =>
    stacks.map((stack) => ({ name: stack.name, work: () => work(stack) }));
  const exec = contenders(({ engine }) => engine.exec("bench", ["true"]));
  const dockerExec = contenders(({ client }) => expectSuccess(client, ["exec", "bench", "true"]));
  const dockerRun = contenders(({ client }) => {
    const options = { name: `run${Bun.nanoseconds()}`, command: ["true"] };
    return expectSuccess(client, ["run", ...client.runArguments(options, ["--rm"])]);
  });
  return {
    execCold: await measureInTurn(exec, { samples, gapMs: 1_000 }),
    execWarm: await measureInTurn(exec, { samples: samples * 10, gapMs: 500, burst: 10 }),
    dockerExec: await measureInTurn(dockerExec, { samples, gapMs: 300 }),
    dockerRun: await measureInTurn(dockerRun, { samples, gapMs: 300 }),
  };
}

async function expectSuccess(client: DockerClient, args: string[]): Promise<void> {
  const result = await client.docker(args);
  if (result.code !== 0) throw new Error(describeResult(result));
}
