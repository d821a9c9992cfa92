// `npm run conformance`: tests/conformance against our runtime, runc and crun, feature by feature.
// Arguments: parts of features' or cases' names; --catena-runc, --runc, --crun choose runtimes.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain, TEST_PACKAGES } from "./prerequisites.mjs";

runMain(() => {
  ensurePackages(TEST_PACKAGES);
  build();
  run(BUN, ["tests/conformance/main.ts", ...process.argv.slice(2)]);
});
