// `npm run ok`: the quick gate. Types, format, lint, tidy and unit tests.
import { build } from "./build.mjs";
import { runMain } from "./prerequisites.mjs";
import { runChecks, runUnitTests, Tally } from "./test_run.mjs";

runMain(async () => {
  build();
  const tally = new Tally();
  await runChecks(tally);
  await runUnitTests(tally);
  tally.print();
  return tally.failed.length === 0 ? 0 : 1;
});
