import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { hierarchyOptions } from "../v2/v2_container.ts";

describe.skipIf(isElsewhere("systemd"))(
  laneTitle("systemd", "the machine of the systemd lane"),
  () => {
    test("systemd 252 is PID 1 and answers on D-Bus", async () => {
      expect(readFileSync("/proc/1/comm", "utf8").trim()).toBe("systemd");
      expect(await mustRun(["systemctl", "--version"])).toContain("systemd 252");
      const state = await mustRun(["systemctl", "show", "--property=Version"]);
      expect(state).toContain("252");
    });

    test("systemd has mounted cgroup v2 alone, delegated", () => {
      expect(hierarchyOptions()).toBe("rw,nsdelegate,memory_recursiveprot");
      expect(readFileSync("/proc/self/cgroup", "utf8").trim()).toBe(
        "0::/system.slice/lane.service",
      );
    });
  },
);
