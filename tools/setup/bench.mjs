// `npm run bench`: ours and the genuine stack in turn; writes BENCHMARKS.md.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain, TEST_PACKAGES } from "./prerequisites.mjs";

runMain(() => {
  ensurePackages(TEST_PACKAGES);
  build();
  run(BUN, ["tests/bench/main.ts", ...process.argv.slice(2)]);
});
