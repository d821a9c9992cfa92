// `npm start`: sets everything up, builds, and shows the main job. `-- --stay` keeps the daemon up.
import { build } from "./build.mjs";
import { BUN, run, runMain } from "./prerequisites.mjs";

runMain(() => {
  build();
  run(BUN, ["tools/demo/main.ts", ...process.argv.slice(2)]);
});
