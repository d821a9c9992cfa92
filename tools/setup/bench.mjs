// `npm run bench`: ours and the genuine stack in turn; writes BENCHMARKS.md.
// `npm run bench -- monitor`: what monitoring costs; prints it.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain, TEST_PACKAGES } from "./prerequisites.mjs";

runMain(() => {
  ensurePackages(TEST_PACKAGES);
  build();
  const [part, ...rest] = process.argv.slice(2);
  if (part === "monitor") run(BUN, ["tests/bench/monitor_main.ts", ...rest]);
  else run(BUN, ["tests/bench/main.ts", ...process.argv.slice(2)]);
});
