import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { CallContext } from "#lib/rpc/service.ts";
import type { EventQuery } from "#wire/docker-api/engine.ts";
import type { DiskUsage, EventMessage, SystemInfo } from "#wire/docker-api/types/system.ts";
import type { Daemon } from "../daemon.ts";
import { invalid } from "../refusals.ts";
import type { HostFacts } from "../spec/host_facts.ts";
import { readStateFile, writeStateFile } from "../state_file.ts";
import { containerList } from "./container_list.ts";
import { volumeUsers } from "./container_remove.ts";
import { initVersion, OWN_VERSION, SERVER_VERSION } from "./engine_version.ts";
import { imageUsage, layerBytes } from "./image_usage.ts";
import { folderSize } from "./volume_ops.ts";

const MACHINE: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };

/** A daemon keeps its id over restarts. */
function daemonId(daemon: Daemon): string {
  const path = `${daemon.options.root}/engine-id.json`;
  const known = readStateFile(path);
  if (typeof known === "string") return known;
  const id = crypto.randomUUID();
  writeStateFile(path, id);
  return id;
}

/** A value of /etc/os-release. */
function osRelease(key: string, otherwise: string): string {
  try {
    const text = readFileSync("/etc/os-release", "utf8");
    return new RegExp(`^${key}="?([^"\\n]*)`, "m").exec(text)?.[1] ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** GET /events */
export function events(
  daemon: Daemon,
  query: EventQuery,
  context: CallContext,
): AsyncIterable<EventMessage> {
  const { sinceNs, untilNs } = query;
  if (sinceNs !== undefined && untilNs !== undefined && sinceNs > untilNs) {
    const seconds = (ns: bigint) => ns / 1_000_000_000n;
    throw invalid(
      "listen to events",
      `\`since\` time (${seconds(sinceNs)}) cannot be after \`until\` time (${seconds(untilNs)})`,
    );
  }
  return daemon.events.listen(query, context.signal);
}

/** GET /info */
export async function info(daemon: Daemon, context: CallContext): Promise<SystemInfo> {
  const call = daemon.call(context);
  const { facts } = daemon;
  const states = daemon.containers.all().map(({ record }) => record.state);
  const paused = states.filter((state) => state.running && state.paused).length;
  const running = states.filter((state) => state.running && !state.paused).length;
  const { images } = await daemon.services.images.list({ filters: [] }, call);
  const below = await daemon.services.version.version({}, call);
  const init = await initVersion(daemon.initPath);
  const ids = new Set(images.map((image) => image.target?.digest));
  return {
    ID: daemonId(daemon),
    Containers: states.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: states.length - running - paused,
    Images: ids.size,
    Driver: daemon.images.snapshotter,
    DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]],
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "null"],
      Authorization: null,
      Log: ["json-file", "local", "none"],
    },
    ...limitViews(facts),
    LoggingDriver: daemon.options.defaults?.logDriver ?? "json-file",
    CgroupDriver: daemon.options.systemdCgroup ? "systemd" : "cgroupfs",
    CgroupVersion: facts.pureCgroupV2 ? "2" : "1",
    NEventsListener: 0,
    KernelVersion: facts.kernelRelease,
    OperatingSystem: osRelease("PRETTY_NAME", "linux"),
    OSVersion: osRelease("VERSION_ID", ""),
    OSType: "linux",
    Architecture: MACHINE[process.arch] ?? process.arch,
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryView(daemon),
    NCPU: facts.cpuCount,
    MemTotal: facts.memoryBytes,
    GenericResources: null,
    DockerRootDir: daemon.options.root,
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: hostname(),
    Labels: daemon.options.labels ?? [],
    ExperimentalBuild: false,
    ServerVersion: SERVER_VERSION,
    Runtimes: runtimeViews(daemon),
    DefaultRuntime: daemon.defaultRuntime,
    Swarm: swarmView(),
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: daemon.initPath ?? "",
    ContainerdCommit: { ID: below.revision || below.version },
    RuncCommit: { ID: `catena ${OWN_VERSION}` },
    InitCommit: { ID: init?.commit ?? "" },
    SecurityOptions: ["name=seccomp,profile=builtin"],
    Containerd: { Namespaces: { Containers: daemon.namespace } },
    CDISpecDirs: [],
    Warnings: facts.swapAccounting ? null : ["WARNING: No swap limit support"],
  };
}

/** Which limits this host can set, and what older clients read beside them. */
function limitViews(facts: HostFacts): Record<string, unknown> {
  return {
    MemoryLimit: true,
    SwapLimit: facts.swapAccounting,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: readFlag("/proc/sys/net/ipv4/ip_forward"),
    Debug: false,
    NFd: readdirSync("/proc/self/fd").length,
    OomKillDisable: !facts.pureCgroupV2,
    // What comes nearest to goroutines here.
    NGoroutines: readdirSync("/proc/self/task").length,
    SystemTime: new Date().toISOString(),
  };
}

const swarmView = () => ({
  NodeID: "",
  NodeAddr: "",
  LocalNodeState: "inactive",
  ControlAvailable: false,
  Error: "",
  RemoteManagers: null,
});

function runtimeViews(daemon: Daemon): Record<string, object> {
  return Object.fromEntries(
    Object.entries(daemon.runtimes).map(([name, choice]) => [
      name,
      choice.binary ? { path: choice.binary } : { runtimeType: choice.shim },
    ]),
  );
}

function registryView({ options }: Daemon): object {
  const { mirrors = [], insecure = [] } = options.registries ?? {};
  const blocks = insecure.filter((entry) => entry.includes("/"));
  const hosts = insecure.filter((entry) => !entry.includes("/"));
  const index = (Name: string, Secure: boolean, Official: boolean) => ({
    Name,
    Mirrors: Official ? mirrors : [],
    Secure,
    Official,
  });
  return {
    InsecureRegistryCIDRs: [...blocks, "::1/128", "127.0.0.0/8"],
    IndexConfigs: Object.fromEntries([
      ["docker.io", index("docker.io", true, true)],
      ...hosts.map((host) => [host, index(host, false, false)]),
    ]),
    Mirrors: mirrors,
  };
}

function readFlag(path: string): boolean {
  try {
    return readFileSync(path, "utf8").trim() === "1";
  } catch {
    return false;
  }
}

/** GET /system/df */
export async function diskUsage(
  daemon: Daemon,
  types: string[],
  context: CallContext,
): Promise<DiskUsage> {
  const wants = (type: string) => types.length === 0 || types.includes(type);
  const images = wants("image") ? await imageUsage(daemon, context) : null;
  const containers = wants("container")
    ? await containerList(daemon, { all: true, limit: 0, size: true, filters: {} }, context)
    : null;
  const volumes = wants("volume")
    ? daemon.volumes.all().map((record) => ({
        ...daemon.volumes.view(record),
        UsageData: {
          Size: folderSize(daemon.volumes.path(record.name)),
          RefCount: volumeUsers(daemon, record.name).length,
        },
      }))
    : null;
  return {
    LayersSize: images ? await layerBytes(daemon, daemon.call(context)) : 0,
    Images: images,
    Containers: containers,
    Volumes: volumes,
    BuildCache: wants("build-cache") ? [] : null,
  };
}
