// `npm test`: sets everything up and runs every test. A word after it chooses among the root tests:
// `npm test -- swap/chain_shim`.
import { build } from "./build.mjs";
import {
  BROWSER_PACKAGES,
  ensurePackages,
  runMain,
  TEST_PACKAGES,
  tryPackages,
} from "./prerequisites.mjs";
import { runChecks, runRootTests, runUnitTests, sweep, Tally } from "./test_run.mjs";

runMain(async () => {
  ensurePackages(TEST_PACKAGES);
  tryPackages(BROWSER_PACKAGES);
  build();
  const tally = new Tally();
  const [pattern] = process.argv.slice(2);
  if (pattern === undefined) {
    await runChecks(tally);
    await runUnitTests(tally);
  }
  await sweep(tally);
  await runRootTests(tally, pattern);
  await sweep(tally);
  tally.print();
  return tally.failed.length === 0 ? 0 : 1;
});
