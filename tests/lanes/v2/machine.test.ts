import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";
import { isElsewhere, laneTitle } from "../guest/lane_test.ts";
import { delegateHierarchy, hierarchyOptions } from "./v2_container.ts";

describe.skipIf(isElsewhere("v2"))(laneTitle("v2", "the machine of the v2 lane"), () => {
  test("the machine has cgroup v2 alone, delegated as systemd delegates it", async () => {
    await delegateHierarchy();
    expect(hierarchyOptions()).toBe("rw,nsdelegate,memory_recursiveprot");
    expect(existsSync("/sys/fs/cgroup/pids")).toBe(false);
  });

  test("the machine has every controller of a container's limits", () => {
    const enabled = readFileSync("/sys/fs/cgroup/cgroup.subtree_control", "utf8").trim().split(" ");
    for (const controller of ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"]) {
      expect(enabled).toContain(controller);
    }
  });

  test("the machine has the genuine tools", async () => {
    for (const tool of ["runc", "crun", "containerd", "dockerd", "docker"]) {
      expect(await mustRun([tool, "--version"])).toMatch(/\d+\.\d+/);
    }
  });
});
