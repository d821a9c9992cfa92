import { Sandbox } from "../lib/sandbox.ts";
import { median, quantile, type Timing } from "./measure_in_turn.ts";
import { benchMonitor } from "./monitor_bench.ts";
import { benchTracing } from "./tracing_bench.ts";

const CONTAINERS = 200;
const SECONDS = 30;
const EXECS = 300;

/** `npm run bench -- seeing`: what monitoring and tracing cost. */
async function main(): Promise<void> {
  await withSandbox(async (sandbox) => {
    const cost = await benchMonitor(sandbox, CONTAINERS, SECONDS);
    console.log(
      `${cost.containers} containers each second: ${cost.processorPercent.toFixed(2)} % of one ` +
        `processor over ${cost.seconds} s, ${cost.privateMb.toFixed(1)} MB private`,
    );
  });
  await withSandbox((on) =>
    withSandbox(async (off) => {
      const timings = await benchTracing({ on, off }, EXECS);
      const more = (median(timings.on.samplesMs) / median(timings.off.samplesMs) - 1) * 100;
      const both = `${told(timings.on)}, ${told(timings.off)}`;
      console.log(`an exec over the API, ${both}: ${more.toFixed(1)} % more`);
    }),
  );
}

async function withSandbox(work: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  const sandbox = new Sandbox();
  try {
    await work(sandbox);
  } finally {
    await sandbox.close();
  }
}

function told({ name, samplesMs }: Timing): string {
  const [low, high] = [quantile(samplesMs, 0.25), quantile(samplesMs, 0.75)];
  return `${name} ${median(samplesMs).toFixed(2)} ms (${low.toFixed(2)}–${high.toFixed(2)})`;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
