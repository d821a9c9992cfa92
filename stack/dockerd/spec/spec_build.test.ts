import { expect, test } from "bun:test";
import type { HostConfig } from "#wire/docker-api/types/container_config.ts";
import type { HostFacts } from "./host_facts.ts";
import { buildSpec, containerEnv, type SpecInput } from "./spec_build.ts";

const facts: HostFacts = {
  kernel: [6, 1],
  kernelRelease: "6.1.0",
  capabilities: [],
  pureCgroupV2: false,
  defaultSysctls: { "net.ipv4.ip_unprivileged_port_start": "0" },
  leastOomScoreAdj: -10,
  raisesLimits: false,
  swapAccounting: true,
  cpuCount: 4,
  cpuset: { cpus: "0-3", mems: "0" },
  memoryBytes: 8e9,
};

const build = (host: HostConfig = {}, more: Partial<SpecInput> = {}) =>
  buildSpec({
    id: "abc",
    config: { Hostname: "box" },
    host,
    facts,
    systemdCgroup: false,
    rootfs: "/rootfs",
    args: ["sh"],
    env: ["A=1"],
    user: { uid: 5, gid: 6, additionalGids: [6, 7], home: "/" },
    capabilities: ["CAP_KILL"],
    noNewPrivileges: false,
    apparmorProfile: "",
    seccomp: undefined,
    devices: { devices: [], rules: [] },
    mounts: [],
    network: "own",
    ipc: "own",
    pid: "own",
    initPath: undefined,
    ...more,
  });

const at = (spec: ReturnType<typeof build>, path: string) =>
  spec.mounts.find((mount) => mount.destination === path);

test("a plain container: dockerd's namespaces, mounts, devices and paths", () => {
  const spec = build();
  expect(spec.linux.namespaces.map((n) => n.type)).toEqual([
    "mount",
    "uts",
    "network",
    "ipc",
    "pid",
  ]);
  expect(spec.linux.cgroupsPath).toBe("/docker/abc");
  expect(spec.process.user).toEqual({ uid: 5, gid: 6, additionalGids: [6, 7] });
  expect(spec.linux.resources.devices).toHaveLength(8);
  expect(spec.linux.maskedPaths).toContain("/proc/kcore");
  expect(spec.linux.sysctl).toEqual({ "net.ipv4.ip_unprivileged_port_start": "0" });
  expect(at(spec, "/dev/shm")?.options).toContain("size=67108864");
});

test("privileged opens devices, paths, /sys and cgroups", () => {
  const spec = build({ Privileged: true });
  expect(spec.linux.maskedPaths).toEqual([]);
  expect(at(spec, "/sys")?.options).not.toContain("ro");
  expect(at(spec, "/sys/fs/cgroup")?.options).toContain("rw");
});

test("a read-only root makes /sys read-only and leaves /dev and /proc alone", () => {
  const spec = build({ ReadonlyRootfs: true });
  expect(spec.root.readonly).toBe(true);
  expect(at(spec, "/proc")?.options).not.toContain("ro");
});

test("shared namespaces carry their path, the host's are left out", () => {
  const spec = build({}, { network: { path: "/proc/9/ns/net" }, pid: "host", ipc: "host" });
  expect(spec.linux.namespaces).toEqual([
    { type: "mount" },
    { type: "uts" },
    { type: "network", path: "/proc/9/ns/net" },
  ]);
  expect(spec.linux.sysctl).toBeUndefined();
});

test("limits: swap is twice the memory, CPUs become a quota, no pids limit stays none", () => {
  const { resources } = build({ Memory: 64e6, NanoCpus: 1.5e9, PidsLimit: 30 }).linux;
  expect(resources.memory).toEqual({ limit: 64e6, swap: 128e6 });
  expect(resources.cpu).toEqual({ period: 100_000, quota: 150_000 });
  expect(resources.pids).toEqual({ limit: 30 });
  expect(build({ PidsLimit: 0 }).linux.resources.pids).toBeUndefined();
});

test("the creator's mounts replace the system's, shallow ones first", () => {
  const bind = (destination: string) =>
    ({ destination, type: "bind", source: "/x", options: ["rbind"] }) as const;
  const spec = build(
    {},
    {
      mounts: [
        { ...bind("/a/b"), options: ["rbind"] },
        { ...bind("/dev"), options: ["rbind"] },
      ],
    },
  );
  expect(spec.mounts.map((m) => m.destination)).toEqual([
    "/proc",
    "/sys",
    "/sys/fs/cgroup",
    "/dev",
    "/a/b",
  ]);
});

test("an oom score that the kernel would refuse is clamped", () => {
  expect(build({ OomScoreAdj: -998 }).process.oomScoreAdj).toBe(-10);
  expect(build({ OomScoreAdj: 500 }).process.oomScoreAdj).toBe(500);
});

test("--init runs the command under the init program", () => {
  const spec = build({}, { initPath: "/usr/libexec/init" });
  expect(spec.process.args).toEqual(["/sbin/docker-init", "--", "sh"]);
  expect(at(spec, "/sbin/docker-init")?.source).toBe("/usr/libexec/init");
});

test("environment: defaults, then what was given, a bare name removes", () => {
  const env = containerEnv({ Hostname: "h", Tty: true, Env: ["PATH=/bin", "X=a=b", "TERM"] }, "/r");
  expect(env).toEqual(["PATH=/bin", "HOSTNAME=h", "X=a=b", "HOME=/r"]);
});
