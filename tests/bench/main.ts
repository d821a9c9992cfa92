import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../lib/command.ts";
import { GENUINE } from "../lib/genuine_stack.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { type Comparison, renderReport } from "./benchmark_report.ts";
import {
  benchDocker,
  type DockerTimings,
  GENUINE_STACK,
  OUR_STACK,
  startStacks,
} from "./docker_bench.ts";
import { benchMemory } from "./memory_bench.ts";
import { BARE_WRAPPER, benchRuntimes, type RuntimeTimings } from "./runtime_bench.ts";
import { measureSeeing } from "./seeing_cost.ts";

const IDLE_CONTAINERS = 20;
const DEFAULT_SAMPLES = 30;

/** `npm run bench [-- SAMPLES]`: everything, then BENCHMARKS.md. */
async function main(): Promise<void> {
  const samples = Number(process.argv[2] ?? DEFAULT_SAMPLES);
  if (!Number.isInteger(samples) || samples < 1) throw new RangeError("samples: a number from 1");
  const sandboxes = { genuine: new Sandbox(), ours: new Sandbox(), runtime: new Sandbox() };
  try {
    const runtime = await benchRuntimes(sandboxes.runtime, samples);
    const { stacks, missing } = await startStacks(sandboxes.genuine, sandboxes.ours);
    const docker = await benchDocker(stacks, samples);
    const memory = [];
    for (const [index, stack] of stacks.entries()) {
      const sandbox = index === 0 ? sandboxes.genuine : sandboxes.ours;
      memory.push(await benchMemory(stack, sandbox, IDLE_CONTAINERS));
    }
    const comparisons = [...compareDocker(docker), ...compareRuntimes(runtime)];
    const seeing = await measureSeeing();
    const text = renderReport({
      comparisons,
      parts: runtime.parts,
      memory,
      seeing,
      versions: await versions(),
      missing,
    });
    writeFileSync(join(import.meta.dir, "..", "..", "BENCHMARKS.md"), text);
    console.log(text);
  } finally {
    for (const sandbox of Object.values(sandboxes)) await sandbox.close();
  }
}

function compareDocker(timings: DockerTimings): Comparison[] {
  const pair = { ours: OUR_STACK, genuine: GENUINE_STACK };
  return [
    { what: "exec over the API, cold", timings: timings.execCold, goal: 6, ...pair },
    { what: "exec over the API, warm", timings: timings.execWarm, goal: 8, ...pair },
    { what: "docker exec", timings: timings.dockerExec, goal: 2.5, ...pair },
    { what: "docker run --rm", timings: timings.dockerRun, goal: 4, ...pair },
  ];
}

function compareRuntimes(timings: RuntimeTimings): Comparison[] {
  const ours = "catena-runc";
  const wrapper = { genuine: BARE_WRAPPER, ours: "", timings: timings.exec };
  return [
    { what: "runc exec", genuine: "runc", ours, timings: timings.exec, goal: 1.8 },
    { what: "runc run", genuine: "runc", ours, timings: timings.run, goal: 1.8 },
    {
      what: "runc create, start, delete",
      genuine: "runc",
      ours,
      timings: timings.cycle,
      goal: 1.8,
    },
    { what: "crun exec (in its wrapper)", genuine: "crun", ours, timings: timings.exec },
    { what: "crun run (in its wrapper)", genuine: "crun", ours, timings: timings.run },
    {
      what: "crun create, start, delete (3 wrappers)",
      genuine: "crun",
      ours,
      timings: timings.cycle,
    },
    { what: "the wrapper alone, which hides the v2 hierarchy from crun", ...wrapper },
  ];
}

async function versions(): Promise<string[]> {
  const first = async (argv: string[]) => (await mustRun(argv)).split("\n")[0] ?? "";
  return [
    await first(["docker", "--version"]),
    await first([GENUINE.dockerd, "--version"]),
    await first([GENUINE.containerd, "--version"]),
    await first([GENUINE.runc, "--version"]),
    await first([GENUINE.crun, "--version"]),
  ];
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
