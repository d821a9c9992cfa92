import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Sandbox } from "../../lib/sandbox.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { RUNTIMES } from "./runtime_list.ts";
import {
  delegateHierarchy,
  pidsSettle,
  readKey,
  readKnob,
  V2Container,
  writeKnob,
} from "./v2_container.ts";

/** Processes of a container that stays: its shell and one sleep. */
const IDLE = 2;
const FREE = 5;
const RACERS = 50;

for (const { name, binary, ours } of RUNTIMES) {
  describe.skipIf(isElsewhere("v2"))(
    laneTitle("v2", `${name}: how an exec is charged on cgroup v2`),
    () => {
      let sandbox: Sandbox;

      beforeAll(async () => {
        sandbox = new Sandbox();
        await delegateHierarchy();
      });
      afterAll(() => sandbox?.close());

      test("an exec below the limit runs, and leaves the counter as it was", async () => {
        const container = await V2Container.run(sandbox, binary, "room", { pidsLimit: 100 });
        const cgroup = await container.cgroup();
        await pidsSettle(cgroup, IDLE);
        expect((await container.exec("true")).code).toBe(0);
        await pidsSettle(cgroup, IDLE);
        await container.remove();
      });

      if (ours)
        test("the last free pid is usable, the next exec is refused and explained", async () => {
          const container = await V2Container.run(sandbox, binary, "last");
          const cgroup = await container.cgroup();
          await pidsSettle(cgroup, IDLE);
          writeKnob(cgroup, "pids.max", String(IDLE + 1));
          expect((await container.exec("true")).code).toBe(0);
          await pidsSettle(cgroup, IDLE);
          writeKnob(cgroup, "pids.max", String(IDLE));
          const refused = readKey(cgroup, "pids.events", "max");
          const result = await container.exec("true");
          expect(result.code).not.toBe(0);
          const full = `pids cgroup ${cgroup} is full: ${IDLE} of ${IDLE}`;
          expect(result.stderr).toContain(full);
          expect(readKey(cgroup, "pids.events", "max")).toBeGreaterThan(refused);
          await pidsSettle(cgroup, IDLE);
          await container.remove();
        });

      if (ours)
        test("a limit of an ancestor refuses too, and is named", async () => {
          const container = await V2Container.run(sandbox, binary, "ancestor");
          const cgroup = await container.cgroup();
          await pidsSettle(cgroup, IDLE);
          const parent = `/sys/fs/cgroup/${sandbox.tag}`;
          writeKnob(parent, "pids.max", readKnob(parent, "pids.current"));
          const result = await container.exec("true");
          writeKnob(parent, "pids.max", "max");
          expect(result.code).not.toBe(0);
          expect(result.stderr).toContain(`pids cgroup ${parent} is full`);
          await container.remove();
        });

      test(`${RACERS} racing execs at a limit with room for ${FREE}`, async () => {
        const container = await V2Container.run(sandbox, binary, "race");
        const cgroup = await container.cgroup();
        await pidsSettle(cgroup, IDLE);
        writeKnob(cgroup, "pids.max", String(IDLE + FREE));
        const racers = Array.from({ length: RACERS }, () =>
          container.runtime
            .mustDetach(["exec", "-d", "race", "sleep", "1000"])
            .then(() => true)
            .catch(() => false),
        );
        const won = (await Promise.all(racers)).filter(Boolean).length;
        // The genuine ones join after they started, which the kernel never refuses: seen were 22
        // and 46 of 50. What they reach is printed to compare with, not asserted.
        console.log(`${name}: ${won} of ${RACERS} execs got in where ${FREE} had room`);
        if (ours) {
          expect(won).toBe(FREE);
          await pidsSettle(cgroup, IDLE + FREE);
        }
        await container.remove();
      });

      if (ours)
        test("a rescue gets into a container at its limit", async () => {
          const container = await V2Container.run(sandbox, binary, "rescue");
          const cgroup = await container.cgroup();
          await pidsSettle(cgroup, IDLE);
          writeKnob(cgroup, "pids.max", String(IDLE));
          const args = ["exec", "--rescue", "rescue", "sh", "-c", "ps | grep -c sleep"];
          const result = await container.runtime.call(args);
          expect(result.stderr).toBe("");
          expect(Number(result.stdout)).toBeGreaterThan(0);
          await pidsSettle(cgroup, IDLE);
          await container.remove();
        });
    },
  );
}
