import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CallContext } from "#lib/rpc/service.ts";
import type {
  BlkioEntry,
  ContainerStats,
  CpuStats,
  MemoryStats,
  NetworkStats,
} from "#wire/docker-api/types/container_stats.ts";
import type { Container } from "../container/container.ts";
import type { Daemon } from "../daemon.ts";
import { nowText, ZERO_TIME } from "../wall_clock.ts";

const INTERVAL_MS = 1000;
const NS_PER_TICK = 10_000_000;
/** "No limit" in cgroup v1 is a huge number, not a word. */
const UNLIMITED = 2 ** 62;

const read = (path: string) => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
};

function number(path: string): number | undefined {
  const text = read(path);
  return text === undefined || text === "max" ? undefined : Number(text);
}

/** "key value" lines. */
function table(text: string | undefined): Record<string, number> {
  const out: Record<string, number> = {};
  for (const line of (text ?? "").split("\n")) {
    const [key, value] = line.split(/\s+/);
    if (key && value !== undefined) out[key] = Number(value);
  }
  return out;
}

/** Where a process is charged, by controller; "" is the unified hierarchy. */
function cgroupFolders(pid: number): Record<string, string> {
  const out: Record<string, string> = {};
  for (const line of (read(`/proc/${pid}/cgroup`) ?? "").split("\n")) {
    const [, names = "", path = ""] = line.match(/^[0-9]+:([^:]*):(.*)$/) ?? [];
    if (path === "") continue;
    for (const name of names.split(",")) {
      out[name] = name === "" ? join("/sys/fs/cgroup", path) : join("/sys/fs/cgroup", name, path);
    }
  }
  return out;
}

/** GET /containers/ID/stats: one sample a second, or a single one with its predecessor. */
export async function containerStats(
  daemon: Daemon,
  ref: string,
  options: { stream: boolean; oneShot: boolean },
  context: CallContext,
): Promise<AsyncIterable<ContainerStats>> {
  const container = daemon.find(ref);
  return samples(daemon, container, options, context.signal);
}

async function* samples(
  daemon: Daemon,
  container: Container,
  options: { stream: boolean; oneShot: boolean },
  signal: AbortSignal | undefined,
): AsyncIterable<ContainerStats> {
  let last: ContainerStats | undefined;
  if (!options.stream && !options.oneShot && container.record.state.running) {
    last = sample(daemon, container, undefined);
    await Bun.sleep(INTERVAL_MS);
  }
  while (!signal?.aborted && daemon.containers.get(container.id)) {
    const next = sample(daemon, container, last);
    yield next;
    if (!options.stream) return;
    last = next;
    await Bun.sleep(INTERVAL_MS);
  }
}

const noCpu = (): CpuStats => ({
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
});

function sample(
  daemon: Daemon,
  container: Container,
  last: ContainerStats | undefined,
): ContainerStats {
  const { record } = container;
  const out: ContainerStats = {
    name: `/${record.name}`,
    id: record.id,
    read: ZERO_TIME,
    preread: last?.read ?? ZERO_TIME,
    pids_stats: {},
    blkio_stats: emptyBlkio(),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: noCpu(),
    precpu_stats: last?.cpu_stats ?? noCpu(),
    memory_stats: {},
  };
  const { running, pid } = record.state;
  if (!running || pid === 0) return out;
  out.read = nowText();
  const folders = cgroupFolders(pid);
  const v2 = daemon.facts.pureCgroupV2 ? folders[""] : undefined;
  out.cpu_stats = v2 ? cpuV2(v2) : cpuV1(folders);
  out.cpu_stats.system_cpu_usage = systemCpuNs();
  out.cpu_stats.online_cpus = daemon.facts.cpuCount;
  out.memory_stats = v2 ? memoryV2(v2) : memoryV1(folders["memory"] ?? "");
  if ((out.memory_stats.limit ?? UNLIMITED) >= UNLIMITED) {
    out.memory_stats.limit = daemon.facts.memoryBytes;
  }
  const pids = v2 ?? folders["pids"] ?? "";
  const current = number(join(pids, "pids.current"));
  const limit = number(join(pids, "pids.max"));
  if (current !== undefined) out.pids_stats.current = current;
  if (limit !== undefined) out.pids_stats.limit = limit;
  out.blkio_stats = v2 ? blkioV2(v2) : blkioV1(folders["blkio"] ?? "");
  if (record.hostConfig.NetworkMode !== "host") out.networks = networks(pid);
  return out;
}

function cpuV1(folders: Record<string, string>): CpuStats {
  const folder = folders["cpuacct"] ?? "";
  const ticks = table(read(join(folder, "cpuacct.stat")));
  const throttled = table(read(join(folders["cpu"] ?? "", "cpu.stat")));
  const perCpu = (read(join(folder, "cpuacct.usage_percpu")) ?? "").split(/\s+/).filter(Boolean);
  return {
    cpu_usage: {
      total_usage: number(join(folder, "cpuacct.usage")) ?? 0,
      ...(perCpu.length > 0 ? { percpu_usage: perCpu.map(Number) } : {}),
      usage_in_kernelmode: (ticks["system"] ?? 0) * NS_PER_TICK,
      usage_in_usermode: (ticks["user"] ?? 0) * NS_PER_TICK,
    },
    throttling_data: {
      periods: throttled["nr_periods"] ?? 0,
      throttled_periods: throttled["nr_throttled"] ?? 0,
      throttled_time: throttled["throttled_time"] ?? 0,
    },
  };
}

function cpuV2(folder: string): CpuStats {
  const stat = table(read(join(folder, "cpu.stat")));
  const ns = (key: string) => (stat[key] ?? 0) * 1000;
  return {
    cpu_usage: {
      total_usage: ns("usage_usec"),
      usage_in_kernelmode: ns("system_usec"),
      usage_in_usermode: ns("user_usec"),
    },
    throttling_data: {
      periods: stat["nr_periods"] ?? 0,
      throttled_periods: stat["nr_throttled"] ?? 0,
      throttled_time: ns("throttled_usec"),
    },
  };
}

function memoryV1(folder: string): MemoryStats {
  const out: MemoryStats = { stats: table(read(join(folder, "memory.stat"))) };
  const put = (key: "usage" | "max_usage" | "failcnt" | "limit", file: string) => {
    const value = number(join(folder, file));
    if (value !== undefined) out[key] = value;
  };
  put("usage", "memory.usage_in_bytes");
  put("max_usage", "memory.max_usage_in_bytes");
  put("failcnt", "memory.failcnt");
  put("limit", "memory.limit_in_bytes");
  return out;
}

function memoryV2(folder: string): MemoryStats {
  const out: MemoryStats = { stats: table(read(join(folder, "memory.stat"))) };
  const usage = number(join(folder, "memory.current"));
  const limit = number(join(folder, "memory.max"));
  if (usage !== undefined) out.usage = usage;
  if (limit !== undefined) out.limit = limit;
  return out;
}

function emptyBlkio(): Record<string, BlkioEntry[] | null> {
  return {
    io_service_bytes_recursive: null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function blkioV1(folder: string): Record<string, BlkioEntry[] | null> {
  const entries = (file: string): BlkioEntry[] =>
    (read(join(folder, file)) ?? "").split("\n").flatMap((line) => {
      const match = line.match(/^([0-9]+):([0-9]+) (\w+) ([0-9]+)$/);
      if (!match) return [];
      const [, major, minor, op, value] = match;
      return [
        { major: Number(major), minor: Number(minor), op: op!.toLowerCase(), value: Number(value) },
      ];
    });
  return {
    ...emptyBlkio(),
    io_service_bytes_recursive: entries("blkio.throttle.io_service_bytes_recursive"),
    io_serviced_recursive: entries("blkio.throttle.io_serviced_recursive"),
  };
}

function blkioV2(folder: string): Record<string, BlkioEntry[] | null> {
  const bytes: BlkioEntry[] = [];
  for (const line of (read(join(folder, "io.stat")) ?? "").split("\n")) {
    const [device = "", ...pairs] = line.split(" ");
    const [major, minor] = device.split(":").map(Number);
    if (minor === undefined) continue;
    const values = Object.fromEntries(pairs.map((pair) => pair.split("=")));
    for (const [op, key] of [
      ["read", "rbytes"],
      ["write", "wbytes"],
    ] as const) {
      bytes.push({ major: major ?? 0, minor, op, value: Number(values[key] ?? 0) });
    }
  }
  return { ...emptyBlkio(), io_service_bytes_recursive: bytes };
}

/** CPU time of the whole host since its start, in nanoseconds. */
function systemCpuNs(): number {
  const line = (read("/proc/stat") ?? "").split("\n")[0] ?? "";
  const ticks = line.trim().split(/\s+/).slice(1, 8).map(Number);
  return ticks.reduce((sum, value) => sum + value, 0) * NS_PER_TICK;
}

function networks(pid: number): Record<string, NetworkStats> {
  const out: Record<string, NetworkStats> = {};
  for (const line of (read(`/proc/${pid}/net/dev`) ?? "").split("\n").slice(2)) {
    const [name = "", rest = ""] = line.trim().split(":");
    const v = rest.trim().split(/\s+/).map(Number);
    if (name === "" || name === "lo") continue;
    const at = (index: number) => v[index] ?? 0;
    out[name] = {
      rx_bytes: at(0),
      rx_packets: at(1),
      rx_errors: at(2),
      rx_dropped: at(3),
      tx_bytes: at(8),
      tx_packets: at(9),
      tx_errors: at(10),
      tx_dropped: at(11),
    };
  }
  return out;
}
