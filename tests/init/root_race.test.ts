import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ChainError } from "#lib/errors/chain_error.ts";
import { CAN_LAUNCH, withContainer } from "./test_container.ts";

const ROUNDS = 40;

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

describe.skipIf(!CAN_LAUNCH)("a root that changes while it is built", () => {
  test(
    "never leads a mount, a folder or a node to the host",
    withContainer({}, async (container) => {
      const outside = join(container.folder, "outside");
      const race = join(container.rootfs, "race");
      mkdirSync(outside);
      mkdirSync(race);
      symlinkSync(outside, `${race}.link`);
      container.spec.mounts!.push(
        { destination: "/race/mounted", type: "tmpfs", source: "tmpfs" },
        { destination: "/race/bound", source: "/etc", options: ["bind", "ro"] },
      );
      container.spec.linux!.devices = [{ path: "/race/node", type: "c", major: 1, minor: 3 }];
      const swapper = Bun.spawn(
        [process.execPath, "-e", SWAPPER, race, `${race}.link`, `${race}.spare`],
        {
          stdio: ["ignore", "ignore", "ignore"],
        },
      );
      let built = 0;
      try {
        for (let round = 0; round < ROUNDS; round++) {
          try {
            await container.create();
            process.kill(container.pid, "SIGKILL");
            await container.launcher.waitFor(container.pid);
            container.pid = 0;
            built++;
          } catch (error) {
            // A name that was gone at that moment is an honest failure.
            expect(error).toBeInstanceOf(ChainError);
          }
          rmSync(join(container.folder, "state/exec.fifo"));
          expect(readdirSync(outside)).toEqual([]);
        }
      } finally {
        swapper.kill();
        await swapper.exited;
      }
      expect(built).toBeGreaterThan(0);
      const mounts = readFileSync("/proc/self/mountinfo", "utf8");
      expect(mounts).not.toContain(container.folder);
      for (const name of [race, `${race}.spare`]) {
        try {
          renameSync(name, `${name}.done`);
        } catch {
          // Killed while it had another name.
        }
      }
    }),
    60_000,
  );
});
