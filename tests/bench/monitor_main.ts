import { Sandbox } from "../lib/sandbox.ts";
import { benchMonitor } from "./monitor_bench.ts";

const CONTAINERS = 200;
const SECONDS = 30;

/** `npm run bench -- monitor`: what the monitor costs. */
async function main(): Promise<void> {
  const sandbox = new Sandbox();
  try {
    const cost = await benchMonitor(sandbox, CONTAINERS, SECONDS);
    console.log(
      `${cost.containers} containers each second: ${cost.processorPercent.toFixed(2)} % of one ` +
        `processor over ${cost.seconds} s, ${cost.privateMb.toFixed(1)} MB private`,
    );
  } finally {
    await sandbox.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
