import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../lib/command.ts";

// The whole build for arm64 is `npm run build -- --arch arm64`; this is what of it takes seconds.

const ROOT = join(import.meta.dir, "../..");
const COMPILER = "/usr/bin/aarch64-linux-gnu-gcc";
const CHECK_LIMIT_MS = 120_000;
const OPTIONS = ["-std=gnu11", "-Wall", "-Wextra", "-Wformat=2", "-Werror", "-D_GNU_SOURCE"];
const HEADERS = ["-I", "node_modules/node-api-headers/include"];

const PARTS = [
  "stack/runc/init",
  "stack/containerd-shim/keeper",
  "stack/containerd-shim/warden",
  "stack/dockershim/pause",
  "stack/dockershim/netns",
  "tools/demo",
  "lib/linux/native",
];

const title = existsSync(COMPILER) ? "" : " (skipped: gcc-aarch64-linux-gnu is not installed)";

test.skipIf(!existsSync(COMPILER))(
  `arm64's compiler takes every C part without a warning${title}`,
  async () => {
    for (const part of PARTS) {
      const names = readdirSync(join(ROOT, part)).filter((name) => name.endsWith(".c"));
      expect(names).not.toEqual([]);
      const sources = names.map((name) => join(part, name));
      const argv = [COMPILER, ...OPTIONS, ...HEADERS, "-fsyntax-only", ...sources];
      await mustRun(argv, { cwd: ROOT, timeoutMs: CHECK_LIMIT_MS });
    }
  },
  CHECK_LIMIT_MS,
);
