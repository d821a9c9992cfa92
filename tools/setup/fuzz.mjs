// `npm run fuzz`: mutated config.json and process.json through the planner. An argument: how many.
import { build } from "./build.mjs";
import { BUN, run, runMain } from "./prerequisites.mjs";

runMain(() => {
  build();
  run(BUN, ["tests/hostile/fuzz/main.ts", ...process.argv.slice(2)]);
});
