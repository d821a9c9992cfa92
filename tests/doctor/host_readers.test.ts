import { afterEach, expect, test } from "bun:test";
import { readFrozen, readMemory, readPids } from "#tools/doctor/host/cgroup_counters.ts";
import { ancestors, readCgroupFolders, readCgroupMounts } from "#tools/doctor/host/cgroup_tree.ts";
import { readLimit, readProcess } from "#tools/doctor/host/process_table.ts";
import { lookupInRootfs } from "#tools/doctor/host/rootfs_lookup.ts";
import { readListeningSockets } from "#tools/doctor/host/unix_sockets.ts";
import { FixtureHost, procEntries } from "./fixture_host.ts";

let host: FixtureHost | undefined;

afterEach(() => {
  host?.remove();
  host = undefined;
});

function made(entries: ConstructorParameters<typeof FixtureHost>[0]) {
  host = new FixtureHost(entries);
  return host.files;
}

test("a process whose name holds spaces and parentheses is read whole", () => {
  const files = made(procEntries(42, ["/bin/x", "-a"], { state: "T", ppid: 7, threads: 5 }));
  expect(readProcess(files, 42)).toEqual({
    pid: 42,
    ppid: 7,
    comm: "a (b) c",
    state: "T",
    threads: 5,
    startTicks: 777,
    argv: ["/bin/x", "-a"],
  });
});

test("the command line of a process in D state is left alone", () => {
  const files = made(procEntries(42, ["/bin/x"], { state: "D" }));
  expect(readProcess(files, 42)?.argv).toEqual([]);
});

test("limits are read by their row; unlimited is Infinity", () => {
  const files = made({
    "/proc/1/limits":
      "Limit                     Soft Limit           Hard Limit           Units     \n" +
      "Max processes             unlimited            96365                processes \n" +
      "Max open files            1024                 1048576              files     \n",
  });
  expect(readLimit(files, 1, "Max open files")).toEqual({ soft: 1024, hard: 1048576 });
  expect(readLimit(files, 1, "Max processes")?.soft).toBe(Number.POSITIVE_INFINITY);
});

test("counters of cgroup v1 and v2", () => {
  const files = made({
    "/one/pids.current": "30\n",
    "/one/pids.max": "30\n",
    "/one/pids.events": "max 20\n",
    "/one/memory.usage_in_bytes": "8000000\n",
    "/one/memory.limit_in_bytes": "9223372036854771712\n",
    "/one/memory.stat": "cache 5\ntotal_active_file 1000000\ntotal_inactive_file 500000\n",
    "/one/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "/one/freezer.state": "FROZEN\n",
    "/two/pids.current": "3\n",
    "/two/pids.max": "max\n",
    "/two/memory.current": "4096\n",
    "/two/memory.max": "8192\n",
    "/two/memory.events": "low 0\nmax 4\noom 1\noom_kill 1\n",
    "/two/cgroup.events": "populated 1\nfrozen 0\n",
  });
  expect(readPids(files, "/one")).toEqual({ folder: "/one", current: 30, max: 30, refused: 20 });
  expect(readPids(files, "/two")?.max).toBe(Number.POSITIVE_INFINITY);
  const memory = readMemory(files, "/one", 1)!;
  expect(memory.limitBytes).toBe(Number.POSITIVE_INFINITY);
  expect(memory.pinnedBytes).toBe(6_500_000);
  expect(memory.oomKills).toBe(2);
  expect(readMemory(files, "/two", 2)).toMatchObject({
    limitBytes: 8192,
    oomKills: 1,
    failures: 4,
  });
  expect(readFrozen(files, "/one", 1)).toBe(true);
  expect(readFrozen(files, "/two", 2)).toBe(false);
});

test("a process' cgroup folders on a hybrid host, and their ancestors", () => {
  const files = made({
    "/proc/self/mountinfo":
      "30 1 0:1 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n" +
      "31 1 0:2 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    "/proc/5/cgroup": "8:pids:/docker/abc\n0::/x\n",
  });
  const mounts = readCgroupMounts(files);
  const folders = readCgroupFolders(files, mounts, 5);
  expect(folders.get("pids")).toBe("/sys/fs/cgroup/pids/docker/abc");
  expect(folders.get("")).toBe("/sys/fs/cgroup/unified/x");
  expect(ancestors(mounts, folders.get("pids")!)).toEqual([
    "/sys/fs/cgroup/pids/docker/abc",
    "/sys/fs/cgroup/pids/docker",
    "/sys/fs/cgroup/pids",
  ]);
});

test("only sockets that accept connections count as served", () => {
  const files = made({
    "/proc/net/unix":
      "Num       RefCount Protocol Flags    Type St Inode Path\n" +
      "0: 00000002 00000000 00010000 0001 01 100 /run/a.sock\n" +
      "0: 00000003 00000000 00000000 0001 03 101 /run/b.sock\n",
  });
  expect([...readListeningSockets(files)]).toEqual([["/run/a.sock", "100"]]);
});

test("links in a rootfs do not lead to the host's files", () => {
  const files = made({
    "/etc/secret": "host",
    "/root/bin/tool": "in the image",
    "/root/bin/link": { link: "/bin/tool" },
    "/root/escape": { link: "../../../etc/secret" },
    "/root/loop": { link: "loop" },
  });
  expect(lookupInRootfs(files, "/root", "/bin/link")?.path).toBe("/bin/tool");
  expect(lookupInRootfs(files, "/root", "/escape")).toBeUndefined();
  expect(lookupInRootfs(files, "/root", "/loop")).toBeUndefined();
});
