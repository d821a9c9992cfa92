// `npm run sanitize [SECONDS]`: decoders of init and keeper, and what init reads of rtnetlink,
// under libFuzzer with the address and undefined-behaviour checkers, so long each; then the tests
// of init, itself built under them.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { filesBelow } from "./build_cache.mjs";
import { BUN, ensurePackages, ROOT, run, runMain } from "./prerequisites.mjs";

const CHECKS = "address,undefined";
const FOLDER = join(ROOT, ".cache/sanitize");
const INIT = join(ROOT, "dist/libexec/catena-init");
const INIT_SOURCES = "stack/runc/init";
const KEEPER_SOURCES = "stack/containerd-shim/keeper";
const DECODERS = "tests/hostile/decoders";
const COMMON = ["-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-fno-sanitize-recover=all"];

const sources = (folder, without = []) =>
  filesBelow(folder, (path) => path.endsWith(".c") && !without.some((name) => path.endsWith(name)));

/** Builds one decoder with the fuzzer's own main and runs it on its corpus. */
function fuzz(name, parts, include, seconds) {
  const program = join(FOLDER, name);
  const corpus = join(FOLDER, `${name}-corpus`);
  mkdirSync(corpus, { recursive: true });
  const flags = [...COMMON, `-fsanitize=fuzzer,${CHECKS}`, `-I${include}`, "-o", program];
  run("clang", [...flags, `${DECODERS}/${name}.c`, ...parts]);
  if (name === "init_decoder") run(BUN, ["tests/hostile/decoders/write_seeds.ts", corpus]);
  run(program, [`-max_total_time=${seconds}`, "-max_len=8192", "-print_final_stats=1", corpus]);
}

/** init's tests with a checked init in the place of the real one, which comes back in any case. */
function testInit() {
  const kept = join(FOLDER, "catena-init.kept");
  copyFileSync(INIT, kept);
  try {
    rmSync(INIT);
    run("gcc", [...COMMON, `-fsanitize=${CHECKS}`, ...sources(INIT_SOURCES), "-o", INIT]);
    // init exits without cleaning up: its memory and descriptors end with it.
    process.env.ASAN_OPTIONS = "detect_leaks=0";
    // A process for each file, as their counts of descriptors are of the whole process.
    for (const file of filesBelow("tests/init", (path) => path.endsWith(".test.ts"))) {
      run(BUN, ["test", "--timeout=60000", `./${file}`]);
    }
  } finally {
    copyFileSync(kept, INIT);
  }
}

runMain(() => {
  const seconds = process.argv[2] ?? "60";
  ensurePackages([["/usr/bin/clang", "clang"]]);
  build();
  mkdirSync(FOLDER, { recursive: true });
  fuzz("keeper_decoder", [`${KEEPER_SOURCES}/decode.c`], KEEPER_SOURCES, seconds);
  fuzz("init_decoder", sources(INIT_SOURCES, ["/main.c"]), INIT_SOURCES, seconds);
  const included = ["/main.c", "/netlink.c", "/network.c"];
  fuzz("netlink_decoder", sources(INIT_SOURCES, included), INIT_SOURCES, seconds);
  testInit();
});
