import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { mustRun } from "../../lib/command.ts";

test("the machine has cgroup v2 alone, delegated as systemd delegates it", () => {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  const line = mounts.split("\n").find((entry) => entry.includes(" - cgroup2 "));
  expect(line).toContain(" /sys/fs/cgroup ");
  expect(line).toContain("nsdelegate");
  expect(line).toContain("memory_recursiveprot");
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
