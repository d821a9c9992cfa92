// `npm run bench`: ours and the genuine stack in turn; writes BENCHMARKS.md.
// `npm run bench -- seeing`: what monitoring and tracing cost; prints it.
// `npm run bench -- containerd [SAMPLES [NAME…]]`: the two containerds alone; prints.
// `npm run bench -- images [MB…|MBxLAYERS…]`: memory and time by an image's size; prints.
// `npm run bench -- probes [PODS [SECONDS]]`: what an exec probe of a pod costs; prints.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain, TEST_PACKAGES } from "./prerequisites.mjs";

/** Benchmarks of their own. */
const PARTS = {
  seeing: "tests/bench/seeing_main.ts",
  containerd: "tests/bench/containerd_main.ts",
  images: "tests/bench/images_main.ts",
  probes: "tests/kubelet/load/probe_load_main.ts",
};

runMain(() => {
  ensurePackages(TEST_PACKAGES);
  build();
  const [part, ...rest] = process.argv.slice(2);
  if (part in PARTS) run(BUN, [PARTS[part], ...rest]);
  else run(BUN, ["tests/bench/main.ts", ...process.argv.slice(2)]);
});
