// `npm run critest -- FOLDER [FLAG…]`: upstream's conformance suite of the CRI, cri-tools 1.26.1
// unpacked in FOLDER, on `catena daemon` (docs/conformance.md).
import { build } from "./build.mjs";
import { BUN, ensurePackages, run, runMain, TEST_PACKAGES } from "./prerequisites.mjs";

runMain(() => {
  ensurePackages([
    ...TEST_PACKAGES,
    ["/usr/bin/docker-registry", "docker-registry"],
    ["/usr/lib/cni/bridge", "containernetworking-plugins"],
    ["/usr/bin/go", "golang-go"],
  ]);
  build();
  run(BUN, ["tests/cri/upstream/main.ts", ...process.argv.slice(2)]);
});
