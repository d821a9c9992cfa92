import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binPath } from "#lib/install/install_paths.ts";
import type { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";

/** What `catena monitor` costs while it samples each second. */
export interface MonitorCost {
  /** All that it saw: those made for it, and what else runs on the host. */
  containers: number;
  seconds: number;
  /** Share of one processor, percent. */
  processorPercent: number;
  privateMb: number;
}

const CGROUP_ROOT = "/sys/fs/cgroup";
const CONTROLLERS = ["pids", "memory", "cpuacct"];
const SETTLE_MS = 8_000;
/** USER_HZ, fixed by the kernel's interface. */
const TICKS_PER_SECOND = 100;
const ID_DIGITS = 64;

/** Samples `count` cgroups with a sleeping process in each for some seconds. */
export async function benchMonitor(
  sandbox: Sandbox,
  count: number,
  seconds: number,
): Promise<MonitorCost> {
  makeContainers(sandbox, count);
  const folders = ["--root", sandbox.path("root"), "--state", sandbox.path("state")];
  const socket = sandbox.path("metrics.sock");
  const argv = [binPath("catena"), "monitor", "--interval", "1", "--metrics", socket, ...folders];
  const monitor = Bun.spawn(argv, { stdout: "ignore", stderr: "ignore" });
  sandbox.onClose(async () => {
    monitor.kill();
    await monitor.exited;
  });
  await waitUntil("the ring is begun", () => existsSync(join(sandbox.folder, "root", "monitor")));
  await Bun.sleep(SETTLE_MS);
  const before = processorTicks(monitor.pid);
  const started = performance.now();
  await Bun.sleep(seconds * 1000);
  const elapsed = (performance.now() - started) / 1000;
  const used = (processorTicks(monitor.pid) - before) / TICKS_PER_SECOND;
  const metrics = await (await fetch("http://metrics/metrics", { unix: socket })).text();
  return {
    containers: metrics.match(/^container_threads\{/gm)?.length ?? 0,
    seconds,
    processorPercent: (used / elapsed) * 100,
    privateMb: privateMb(monitor.pid),
  };
}

/** Cgroups as runtimes name them, each with a limit and a process that sleeps. */
function makeContainers(sandbox: Sandbox, count: number): void {
  const unified = existsSync(join(CGROUP_ROOT, "cgroup.controllers"));
  const tops = unified ? [CGROUP_ROOT] : CONTROLLERS.map((name) => join(CGROUP_ROOT, name));
  const sleepers: Bun.Subprocess[] = [];
  sandbox.onClose(async () => {
    for (const sleeper of sleepers) sleeper.kill("SIGKILL");
    await Promise.all(sleepers.map((sleeper) => sleeper.exited));
  });
  for (let index = 0; index < count; index++) {
    const sleeper = Bun.spawn(["/bin/busybox", "sleep", "600"], { stdio: [null, null, null] });
    sleepers.push(sleeper);
    const id = index.toString(16).padStart(ID_DIGITS, "0");
    for (const top of tops) {
      const folder = join(top, sandbox.tag, id);
      mkdirSync(folder, { recursive: true });
      if (existsSync(join(folder, "pids.max"))) writeFileSync(join(folder, "pids.max"), "1000");
      writeFileSync(join(folder, "cgroup.procs"), String(sleeper.pid));
    }
  }
}

/** User and system time of a process so far, all its threads. */
function processorTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

function privateMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const values = [...text.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].map((match) => Number(match[1]));
  return values.reduce((total, value) => total + value, 0) / 1024;
}
