import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isUnified, parseCgroupLocation } from "./cgroup_location.ts";
import { parseBlkio, readMetricsV1 } from "./metrics_v1.ts";
import { parseIoStat, readMetricsV2 } from "./metrics_v2.ts";
import { readOomKills } from "./oom_watch.ts";

const folder = mkdtempSync(join(tmpdir(), "metrics-"));
afterAll(() => rmSync(folder, { recursive: true }));

function files(name: string, contents: Record<string, string>): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(contents)) writeFileSync(join(path, file), text);
  return path;
}

const V1_MOUNTS = [
  "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
  "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
  "32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
].join("\n");

test("a process is located on v1, hybrid and v2", () => {
  const hybrid = parseCgroupLocation("5:memory:/a/b\n4:cpu,cpuacct:/a\n0::/x\n", V1_MOUNTS);
  expect(hybrid).toEqual({
    v1: {
      memory: "/sys/fs/cgroup/memory/a/b",
      cpu: "/sys/fs/cgroup/cpu,cpuacct/a",
      cpuacct: "/sys/fs/cgroup/cpu,cpuacct/a",
    },
    unified: "/sys/fs/cgroup/unified/x",
  });
  expect(isUnified(hybrid)).toBe(false);
  const pure = parseCgroupLocation("0::/a:b\n", "30 25 0:26 / /sys/fs/cgroup rw - cgroup2 c rw");
  expect(pure).toEqual({ v1: {}, unified: "/sys/fs/cgroup/a:b" });
  expect(isUnified(pure)).toBe(true);
});

test("v1 counters, and a controller that is absent", () => {
  const memory = files("memory", {
    "memory.usage_in_bytes": "4096\n",
    "memory.stat": "cache 1\nrss 2\ntotal_rss 3\nhierarchical_memory_limit 9223372036854771712\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
  });
  const pids = files("pids", { "pids.current": "3\n", "pids.max": "max\n" });
  const location = { v1: { memory, pids } };
  const metrics = readMetricsV1(location);
  expect(metrics.memory?.usage?.usage).toBe(4096n);
  expect(metrics.memory?.hierarchicalMemoryLimit).toBe(9223372036854771712n);
  expect(metrics.memory?.totalRss).toBe(3n);
  expect(metrics.pids).toEqual({ current: 3n, limit: 0n });
  expect(metrics.cpu).toBeUndefined();
  expect(readOomKills(location)).toBe(4);
});

test("v2 counters, without a limit and with one", () => {
  const unified = files("v2", {
    "pids.current": "3\n",
    "pids.max": "max\n",
    "memory.current": "8192\n",
    "memory.max": "1048576\n",
    "memory.events": "low 0\noom 2\noom_kill 1\n",
    "cpu.stat": "usage_usec 10\nuser_usec 6\nsystem_usec 4\n",
    "cpu.pressure": "some avg10=0.50 avg60=0.25 avg300=0.00 total=99\n",
  });
  const metrics = readMetricsV2(unified);
  expect(metrics.pids).toEqual({ current: 3n, limit: 2n ** 64n - 1n });
  expect(metrics.memory?.usageLimit).toBe(1048576n);
  expect(metrics.memoryEvents?.oomKill).toBe(1n);
  expect(metrics.cpu?.usageUsec).toBe(10n);
  expect(metrics.cpu?.psi?.some).toEqual({ avg10: 0.5, avg60: 0.25, avg300: 0, total: 99n });
  expect(readOomKills({ v1: {}, unified })).toBe(1);
});

test("block device lines; totals and torn lines are left out", () => {
  expect(parseBlkio("8:0 Read 12\n8:0 Write 3\n8:1 7\nTotal 15\n8:0 Re")).toEqual([
    { op: "Read", major: 8n, minor: 0n, value: 12n },
    { op: "Write", major: 8n, minor: 0n, value: 3n },
    { op: "", major: 8n, minor: 1n, value: 7n },
  ]);
  expect(parseIoStat("254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:16 \n")).toEqual([
    { major: 254n, minor: 0n, rbytes: 1n, wbytes: 2n, rios: 3n, wios: 4n },
    { major: 8n, minor: 16n, rbytes: 0n, wbytes: 0n, rios: 0n, wios: 0n },
  ]);
});
