import { startCatenaDaemon } from "../lib/catena_stack.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { DockerClient } from "../swap/docker_client.ts";
import { EngineClient } from "./engine_client.ts";
import { measureInTurn, type Timing } from "./measure_in_turn.ts";

const GAP_MS = 200;
const BURST = 5;

/** Times execs over the API of two daemons that differ in nothing but `--no-trace`. */
export async function benchTracing(
  sandboxes: { on: Sandbox; off: Sandbox },
  samples: number,
): Promise<{ on: Timing; off: Timing }> {
  const on = await startExecs(sandboxes.on, []);
  const off = await startExecs(sandboxes.off, ["--no-trace"]);
  const [timedOn, timedOff] = await measureInTurn(
    [
      { name: "traced", work: () => on.exec("bench", ["true"]) },
      { name: "not traced", work: () => off.exec("bench", ["true"]) },
    ],
    { samples, gapMs: GAP_MS, burst: BURST },
  );
  return { on: timedOn!, off: timedOff! };
}

async function startExecs(sandbox: Sandbox, flags: string[]): Promise<EngineClient> {
  const daemon = await startCatenaDaemon(sandbox, flags);
  const client = new DockerClient(sandbox, daemon.socket);
  await client.importImage();
  await client.runDetached({ name: "bench", command: ["sleep", "100000"] });
  return new EngineClient(daemon.socket);
}
