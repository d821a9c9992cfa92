// `npm run lane:v2`, `npm run lane:systemd`: the tests that need another kernel and another PID 1.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain } from "./prerequisites.mjs";

const LANE_PACKAGES = [
  ["/usr/bin/qemu-system-x86_64", "qemu-system-x86"],
  ["/usr/bin/mmdebstrap", "mmdebstrap"],
  ["/usr/sbin/mke2fs", "e2fsprogs"],
];

runMain(() => {
  ensurePackages(LANE_PACKAGES);
  build();
  run(BUN, ["tests/lanes/host/lane.ts", ...process.argv.slice(2)]);
});
