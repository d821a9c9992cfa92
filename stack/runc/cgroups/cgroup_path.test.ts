import { expect, test } from "bun:test";
import { cleanPath } from "#lib/linux/path.ts";
import { parseCgroupLayout, parseProcessCgroups } from "./cgroup_layout.ts";
import { cgroupLocation, cgroupPaths, expandSlice, systemdInnerPath } from "./cgroup_path.ts";

const HYBRID = parseCgroupLayout(`30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
33 30 0:29 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
34 30 0:30 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
35 30 0:31 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`);
const PURE = parseCgroupLayout("30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n");
const OWN = parseProcessCgroups("4:memory:/jobs/7\n1:cpu,cpuacct:/\n0::/user.slice/a.scope\n");

test("an absolute path counts from each mount", () => {
  const paths = cgroupPaths(HYBRID, OWN, cgroupLocation("/docker/x", "x", false));
  expect(paths).toEqual({
    devices: "/sys/fs/cgroup/devices/docker/x",
    memory: "/sys/fs/cgroup/memory/docker/x",
    cpu: "/sys/fs/cgroup/cpu,cpuacct/docker/x",
    cpuacct: "/sys/fs/cgroup/cpu,cpuacct/docker/x",
    "name=systemd": "/sys/fs/cgroup/systemd/docker/x",
    "": "/sys/fs/cgroup/unified/docker/x",
  });
});

test("an empty path is the id below the runtime's own cgroup", () => {
  const paths = cgroupPaths(HYBRID, OWN, cgroupLocation("", "box", false));
  expect(paths["memory"]).toBe("/sys/fs/cgroup/memory/jobs/7/box");
  expect(paths["cpu"]).toBe("/sys/fs/cgroup/cpu,cpuacct/box");
});

test("on v2 a relative path lies beside our own cgroup, which holds processes", () => {
  expect(cgroupPaths(PURE, OWN, cgroupLocation("box", "x", false))).toEqual({
    "": "/sys/fs/cgroup/user.slice/box",
  });
});

test("a path never leaves the mount", () => {
  expect(cleanPath("../../etc")).toBe("etc");
  expect(cleanPath("/a/../../b/./c//d")).toBe("/b/c/d");
  expect(cleanPath("")).toBe("");
});

test("slice:prefix:name is placed where systemd would", () => {
  const location = cgroupLocation("kube-pods.slice:cri:abc", "x", true);
  expect(systemdInnerPath(location)).toBe("/kube.slice/kube-pods.slice/cri-abc.scope");
  expect(expandSlice("-.slice")).toBe("");
  expect(() => cgroupLocation("a:b", "x", true)).toThrow(/slice:prefix:name/);
  expect(() => expandSlice("../x.slice")).toThrow(/invalid slice name/);
});

test("a container's mount root is taken off our own path", () => {
  const inside = parseCgroupLayout("1 2 0:3 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  const own = parseProcessCgroups("0::/docker/abc/nested/leaf\n");
  expect(cgroupPaths(inside, own, cgroupLocation("", "box", false))).toEqual({
    "": "/sys/fs/cgroup/nested/box",
  });
});
