import { describe, expect, test } from "bun:test";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import { CAN_LAUNCH, type TestContainer, withContainer } from "./test_container.ts";

const ROUNDS = 40;
const LIMIT_MS = 300_000;

/** Swaps a folder and a link to the host under one name, as fast as it can, until it is killed. */
const SWAPPER = `
  const { renameSync } = require("node:fs");
  const [folder, link, spare] = process.argv.slice(-3);
  for (;;) {
    renameSync(folder, spare);
    renameSync(link, folder);
    renameSync(folder, link);
    renameSync(spare, folder);
  }
`;

/** How the link names the folder outside, which lies beside the root. */
const LINKS: [kind: string, target: (outside: string) => string][] = [
  ["an absolute link", (outside) => outside],
  ["a relative link", () => "../outside"],
];

/** Everything below a folder: names, modes and contents. */
function contentOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => {
      const path = join(folder, name);
      const { mode } = statSync(path);
      const text = (mode & 0o170000) === 0o100000 ? readFileSync(path, "utf8") : "";
      return `${name} ${mode.toString(8)} ${text}`;
    });
}

/** The same names inside and outside, so that a walk which is led astray would go through. */
function fill(folder: string): void {
  for (const name of ["copied", "kept", "masked"]) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "file"), folder);
  }
}

/** All that is done by path in a root: mounts of each kind, nodes, masks. */
function addWork({ spec }: TestContainer): void {
  spec.mounts!.push(
    { destination: "/race/mounted", type: "tmpfs", source: "tmpfs" },
    { destination: "/race/bound", source: "/etc", options: ["bind", "ro"] },
    { destination: "/race/copied", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] },
  );
  spec.linux!.maskedPaths = ["/race/masked", "/race/masked/file"];
  spec.linux!.readonlyPaths = ["/race/kept"];
  spec.linux!.devices = [{ path: "/race/node", type: "c", major: 1, minor: 3 }];
}

/** Creates the container once and ends it; whether it came to be. */
async function isBuilt(container: TestContainer): Promise<boolean> {
  try {
    await container.create();
    process.kill(container.pid, "SIGKILL");
    await container.launcher.waitFor(container.pid);
    container.pid = 0;
    return true;
  } catch (error) {
    // A name that was gone at that moment is an honest failure.
    expect(error).toBeInstanceOf(ChainError);
    return false;
  } finally {
    rmSync(join(container.folder, "state/exec.fifo"));
  }
}

async function race(container: TestContainer, target: (outside: string) => string): Promise<void> {
  const outside = join(container.folder, "outside");
  const name = join(container.rootfs, "race");
  fill(outside);
  fill(name);
  const before = contentOf(outside);
  symlinkSync(target(outside), `${name}.link`);
  addWork(container);
  const argv = [process.execPath, "-e", SWAPPER, name, `${name}.link`, `${name}.spare`];
  const swapper = Bun.spawn(argv, { stdio: ["ignore", "ignore", "ignore"] });
  let built = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      if (await isBuilt(container)) built++;
      expect(contentOf(outside)).toEqual(before);
    }
  } finally {
    swapper.kill();
    await swapper.exited;
  }
  expect(built).toBeGreaterThan(0);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(container.folder);
  for (const left of [name, `${name}.spare`]) {
    try {
      renameSync(left, `${left}.done`);
    } catch {
      // Killed while it had another name.
    }
  }
}

describe.skipIf(!CAN_LAUNCH)("a root that changes while it is built", () => {
  for (const [kind, target] of LINKS) {
    test(
      `never leads a mount, a folder, a node or a mask to the host by ${kind}`,
      withContainer({}, (container) => race(container, target)),
      LIMIT_MS,
    );
  }
});
