import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../lib/command.ts";

/** What the tests in the machine load: sources, as tests are not compiled, and what we ship. */
const TREES = [
  "lib",
  "wire",
  "stack",
  "tools",
  "tests",
  "packaging",
  "gen",
  "dist",
  "package.json",
];
/** Bun for the other processor, as the build fetched it. */
const ARM64_BUN = ".cache/arm64/bun";
/** What the conformance suite runs in containers; the machines have no compiler. */
const PROBE = "tests/conformance/harness/probe.c";
/** The whole of node_modules would be mostly checkers. */
const LEFT_OUT = ["typescript", "@typescript", "@biomejs", "@bufbuild/buf-linux-x64"];
const SLACK_MIB = 64;

/**
 * Writes a disk with the repository as it stands at `repository`; the machine mounts it at /lane.
 * `list` is the list of test files, one a line, which the machine finds as /lane/test-list. For
 * arm64, dist-arm64 and that processor's Bun take the places of ours.
 */
export async function buildInputDisk(
  repository: string,
  target: string,
  list: string[],
  arch: "x64" | "arm64",
): Promise<void> {
  const stage = `${target}.stage`;
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  try {
    const trees = [...TREES, "node_modules"].filter((name) => existsSync(join(repository, name)));
    // Links where the file system allows: the disk's own copy is the only one made.
    await mustRun(["cp", "-al", ...trees.map((name) => join(repository, name)), stage]);
    for (const name of LEFT_OUT) {
      rmSync(join(stage, "node_modules", name), { recursive: true, force: true });
    }
    if (arch === "arm64") await putArm64(repository, stage);
    const compiler = arch === "arm64" ? "aarch64-linux-gnu-gcc" : "gcc";
    await mustRun([
      compiler,
      "-static",
      "-O1",
      "-o",
      join(stage, "probe"),
      join(repository, PROBE),
    ]);
    await Bun.write(join(stage, "test-list"), `${list.join("\n")}\n`);
    rmSync(target, { force: true });
    await mustRun(["mke2fs", "-q", "-t", "ext4", "-d", stage, target, `${await sizeMib(stage)}M`]);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function putArm64(repository: string, stage: string): Promise<void> {
  const oven = join(stage, "node_modules/@oven");
  for (const path of [join(stage, "dist"), oven]) rmSync(path, { recursive: true, force: true });
  mkdirSync(oven, { recursive: true });
  await mustRun(["cp", "-al", join(repository, "dist-arm64"), join(stage, "dist")]);
  await mustRun(["cp", "-al", join(repository, ARM64_BUN), join(oven, "bun-linux-aarch64")]);
}

/** Room for the files and for ext4's own tables. */
async function sizeMib(folder: string): Promise<number> {
  const used = Number.parseInt(await mustRun(["du", "-sm", folder]), 10);
  return Math.ceil(used * 1.15) + SLACK_MIB;
}
