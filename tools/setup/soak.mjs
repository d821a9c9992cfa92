// `npm run soak -- --minutes 10 --execs 50000 --clients 50 --seed N`: clients that disconnect at
// random, a daemon killed in the middle, many execs; nothing may be left, memory may not grow.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain, TEST_PACKAGES } from "./prerequisites.mjs";

runMain(() => {
  ensurePackages(TEST_PACKAGES);
  build();
  run(BUN, ["tests/soak/soak_main.ts", ...process.argv.slice(2)]);
});
