// `npm test`: sets everything up and runs every test. Words after it choose among the root tests:
// `npm test -- swap/chain_shim docker/`.
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
  const patterns = process.argv.slice(2);
  if (patterns.length === 0) {
    await runChecks(tally);
    await runUnitTests(tally);
  }
  await sweep(tally);
  await runRootTests(tally, patterns);
  await sweep(tally);
  tally.print();
  return tally.failed.length === 0 ? 0 : 1;
});
