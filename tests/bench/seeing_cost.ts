import { Sandbox } from "../lib/sandbox.ts";
import { median, quantile, type Timing } from "./measure_in_turn.ts";
import { benchMonitor, type MonitorCost } from "./monitor_bench.ts";
import { benchTracing } from "./tracing_bench.ts";

const CONTAINERS = 200;
const SECONDS = 30;
const EXECS = 300;

/** What being watched costs. */
export interface SeeingCost {
  monitor: MonitorCost;
  tracing: { on: Timing; off: Timing };
}

/** Measures the monitor, then execs with and without traces. */
export async function measureSeeing(): Promise<SeeingCost> {
  const monitor = await withSandbox((sandbox) => benchMonitor(sandbox, CONTAINERS, SECONDS));
  const tracing = await withSandbox((on) => withSandbox((off) => benchTracing({ on, off }, EXECS)));
  return { monitor, tracing };
}

/** A part of BENCHMARKS.md. */
export function renderSeeing({ monitor, tracing }: SeeingCost): string {
  const { on, off } = tracing;
  const more = (median(on.samplesMs) / median(off.samplesMs) - 1) * 100;
  const both = `${told(on)}, without ${told(off)}`;
  const percent = `${monitor.processorPercent.toFixed(1)} % of one processor`;
  return `## Watching and tracing

By \`npm run bench -- seeing\`. Medians, with the middle half of the samples in brackets.

| what | cost | goal |
|---|---|---|
| \`catena monitor\`, ${monitor.containers} containers each second | ${percent} | 3 % |
| its private memory | ${monitor.privateMb.toFixed(0)} MB | – |
| an exec over the API, warm, with traces | ${both}: ${signed(more)} % | 5 % |
`;
}

const signed = (percent: number) => `${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(1)}`;

function told({ samplesMs }: Timing): string {
  const [low, high] = [quantile(samplesMs, 0.25), quantile(samplesMs, 0.75)];
  return `${median(samplesMs).toFixed(1)} ms (${low.toFixed(1)}–${high.toFixed(1)})`;
}

async function withSandbox<T>(work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = new Sandbox();
  try {
    return await work(sandbox);
  } finally {
    await sandbox.close();
  }
}
