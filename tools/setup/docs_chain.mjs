// `npm run docs:chain`: the recordings in docs/the-chain.md and docs/exec.md, made anew.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain } from "./prerequisites.mjs";

runMain(() => {
  ensurePackages([
    ["/usr/sbin/runc", "runc"],
    ["/usr/bin/strace", "strace"],
  ]);
  build();
  run(BUN, ["tests/docs/write_chain.ts"]);
});
