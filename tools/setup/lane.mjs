// `npm run lane:v2`, `npm run lane:systemd`: the tests that need another kernel and another PID 1;
// `npm run lane:arm64`: those of the runtime on that processor.
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain } from "./prerequisites.mjs";

const LANE_PACKAGES = [
  ["/usr/bin/qemu-system-x86_64", "qemu-system-x86"],
  ["/usr/bin/mmdebstrap", "mmdebstrap"],
  ["/usr/sbin/mke2fs", "e2fsprogs"],
];

const ARM64_PACKAGES = [
  ["/usr/bin/qemu-system-aarch64", "qemu-system-arm"],
  ["/usr/sbin/depmod", "kmod"],
];

runMain(() => {
  const arm64 = process.argv[2] === "arm64";
  ensurePackages([...LANE_PACKAGES, ...(arm64 ? ARM64_PACKAGES : [])]);
  build(arm64 ? "arm64" : undefined);
  run(BUN, ["tests/lanes/host/lane.ts", ...process.argv.slice(2)]);
});
