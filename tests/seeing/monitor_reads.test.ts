import { afterEach, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { collectMetrics } from "#tools/monitor/metric_table.ts";
import { Monitor } from "#tools/monitor/monitor.ts";
import { prometheusText } from "#tools/monitor/prometheus_text.ts";
import { Sandbox } from "../lib/sandbox.ts";
import { waitUntil } from "../lib/wait_until.ts";
import { MadeUpHost, serveNames } from "./made_up_host.ts";

// A host of files, so that what is read is known to the last digit, on cgroup v2 as well.

const sandboxes: Sandbox[] = [];
afterEach(async () => {
  for (const sandbox of sandboxes.splice(0)) await sandbox.close();
});

function setUp(intervalMs = 200) {
  const sandbox = new Sandbox();
  sandboxes.push(sandbox);
  const prefix = sandbox.path("host", "x").slice(0, -2);
  mkdirSync(prefix, { recursive: true });
  const host = new MadeUpHost(prefix);
  const ringFolder = sandbox.path("ring");
  const start = (dockerSockets: string[] = []) => {
    const stateDir = sandbox.path("state");
    const options = { intervalMs, stateDir, prefix, ringFolder, writeRing: true, dockerSockets };
    const monitor = new Monitor(options);
    sandbox.onClose(() => monitor.stop());
    monitor.start();
    return monitor;
  };
  return { sandbox, host, start };
}

test("a container's counters are read on cgroup v2", () => {
  const { host, start } = setUp();
  host.container(1, {
    threads: 40,
    pidsMax: "100",
    memoryBytes: 10_000,
    memoryMax: "50000",
    process: "java) x (y",
    descriptors: 5,
  });
  host.write(`${MadeUpHost.cgroup(1)}/memory.events`, "oom 3\noom_kill 2\n");
  host.write(`${MadeUpHost.cgroup(1)}/pids.events`, "max 9\n");
  const [watch] = start().watches.values();
  expect(watch!.container.id).toBe(MadeUpHost.id(1));
  expect(watch!.latest).toMatchObject({
    threads: 40,
    threadsMax: 100,
    forksRefused: 9,
    processes: 1,
    descriptors: 5,
    tightest: { pid: 1001, process: "java) x (y", open: 5, softLimit: 1024 },
    memoryBytes: 10_000,
    workingSetBytes: 10_000 - 4096,
    memoryMaxBytes: 50_000,
    oomKills: 2,
    cpuSeconds: 2.5,
    cpuMax: 0.5,
    throttledPeriods: 7,
    byName: [{ process: "java) x (y", threads: 40, processes: 1 }],
  });
});

test("a pod's limit above the container is the one that is nearest", () => {
  const { host, start } = setUp();
  host.container(1, { threads: 5, pidsMax: "100" }, "kubepods.slice/pod7.slice");
  host.write("/sys/fs/cgroup/kubepods.slice/pod7.slice/pids.max", "20\n");
  host.write("/sys/fs/cgroup/kubepods.slice/pod7.slice/pids.current", "19\n");
  const [watch] = start().watches.values();
  expect(watch!.latest!.pidsLimit).toEqual({
    folder: "/sys/fs/cgroup/kubepods.slice/pod7.slice",
    current: 19,
    max: 20,
  });
  // One more fits: its own five and that one are all that it can have.
  expect(watch!.nearness[0]).toMatchObject({ resource: "pids", used: 5, limit: 6 });
});

test("a rising count gets a forecast, a level one none, what is gone is forgotten", async () => {
  const { host, start } = setUp();
  host.container(1, { pidsMax: "1000" });
  host.container(2, { threads: 7, pidsMax: "1000" });
  const monitor = start();
  const watchOf = (index: number) =>
    [...monitor.watches.values()].find(({ container }) => container.id === MadeUpHost.id(index));
  let threads = 1;
  const grow = monitor.onRound(() => {
    host.write(`${MadeUpHost.cgroup(1)}/pids.current`, `${++threads}\n`);
  });
  const forecast = await waitUntil("a forecast", () => watchOf(1)!.nearness[0]?.forecast);
  grow();
  expect(forecast.slope).toBeGreaterThan(0);
  expect(forecast.seconds).toBeGreaterThan(0);
  expect(watchOf(2)!.nearness[0]).toMatchObject({ resource: "pids", used: 7, limit: 1000 });
  expect(watchOf(2)!.nearness[0]!.forecast).toBeUndefined();
  host.write(`${MadeUpHost.cgroup(2)}/pids.current`, "");
  await waitUntil("the second is forgotten", () => watchOf(2) === undefined);
}, 60_000);

test("metrics have cAdvisor's names, containers their daemon's, the ring a day", async () => {
  const { host, sandbox, start } = setUp();
  host.container(1, { threads: 12, pidsMax: "max", process: 'x"\n\\' });
  const socket = sandbox.path("names.sock");
  const server = serveNames(socket, new Map([[MadeUpHost.id(1), "web"]]));
  sandbox.onClose(() => server.stop(true));
  const monitor = start([socket]);
  const [watch] = monitor.watches.values();
  await waitUntil("the name is told", () => watch!.container.name === "web");
  const text = prometheusText(collectMetrics(monitor));
  const labels = `id="/system.slice/docker-${MadeUpHost.id(1)}.scope",name="web",image="made-up"`;
  expect(text).toContain(`container_threads{${labels}} 12\n`);
  expect(text).toContain(`container_threads_max{${labels}} 0\n`);
  expect(text).toContain(`container_cpu_usage_seconds_total{${labels},cpu="total"} 2.5\n`);
  expect(text).toContain(`container_ulimits_soft{${labels},ulimit="max_open_files"} 1024\n`);
  expect(text).toContain(`catena_container_process_threads{${labels},process="x\\"\\n\\\\"} 12\n`);
  expect(text).toContain("node_processes_threads 321\n");
  expect(text).toContain("node_memory_MemTotal_bytes 8192000000\n");
  const seen = monitor.roundEndMs;
  await waitUntil("a further round", () => monitor.roundEndMs > seen);
  monitor.history!.flush();
  expect(await monitor.history!.rowsOf(watch!.container.key, 0)).toMatchObject([
    { threads: 12, threadsMax: null, byName: [['x"\n\\', 12]] },
  ]);
});
