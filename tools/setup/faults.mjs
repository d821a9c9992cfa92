// `npm run faults`: injects the faults of the catalogue and has the doctor name them; writes
// docs/faults.md. Arguments: names of rows, --genuine or --catena.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain, TEST_PACKAGES } from "./prerequisites.mjs";

runMain(() => {
  ensurePackages([...TEST_PACKAGES, ["/usr/bin/strace", "strace"]]);
  build();
  run(BUN, ["tests/faults/main.ts", ...process.argv.slice(2)]);
});
