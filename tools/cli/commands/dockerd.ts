import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { failure } from "#lib/errors/chain_error.ts";
import { DEFAULT_ROOT_DIR, DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";
import { Log, type LogLevel } from "#lib/log/log.ts";
import type { RegistrySettings } from "#lib/registry/registry_endpoint.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import {
  createDockerd,
  type DockerdNetworkOptions,
  type RuntimeChoice,
} from "#stack/dockerd/main.ts";
import { connectContainerd } from "#wire/containerd-api/client.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import { serveDockerApi } from "#wire/docker-api/server/http_server.ts";

const USAGE = `Usage: catena dockerd [options]

  --containerd SOCKET    containerd below, ours or the genuine one (required)
  --root DIR             data that outlives a reboot (default ${DEFAULT_ROOT_DIR})
  --state DIR            sockets, FIFOs and records (default ${DEFAULT_STATE_DIR})
  -H, --host ADDRESS     unix:///path (default unix://STATE/docker.sock)
  --namespace NAME       containerd's namespace (default moby)
  --snapshotter NAME     default overlayfs
  --runtime NAME         default runtime: catena, runc, or one of --add-runtime
  --add-runtime NAME=PATH  a further OCI runtime; may be repeated
  --init-path PATH       static init program for --init
  -b, --bridge NAME      bridge of the default network; none: no bridge networks
  --bip ADDRESS          address and prefix of the default network's bridge
  --no-iptables          leave the packet filter alone: no NAT, networks not kept apart
  --cni-path DIR         where the CNI plugins lie
  --registry-mirror URL  ask it before Docker Hub; may be repeated
  --insecure-registry HOST  HOST[:PORT] or a.b.c.d/n: no TLS needed; may be repeated
  --registry-certs DIR   HOST/ca.crt and the like (default /etc/docker/certs.d)
  -G, --group NAME       group of the socket
  --no-trace             keep no traces
  --log-level LEVEL      debug, info, warn or error
`;

interface Flags {
  containerd: string;
  root: string;
  state: string;
  socket: string;
  namespace: string;
  snapshotter: string;
  runtime: string | undefined;
  runtimes: Record<string, RuntimeChoice>;
  initPath: string | undefined;
  network: DockerdNetworkOptions;
  gid: number | undefined;
  registries: RegistrySettings;
  trace: boolean;
  level: LogLevel;
}

/**
 * `catena dockerd`: the Engine API on a socket, over any containerd. Resolves with the exit code
 * once SIGTERM or SIGINT came; containers run on.
 */
export async function runDockerd(args: string[]): Promise<number> {
  const flags = readFlags(args);
  if (!flags) {
    process.stdout.write(USAGE);
    return 0;
  }
  for (const folder of [flags.root, flags.state]) mkdirSync(folder, { recursive: true });
  const log = new Log("dockerd", flags.level);
  const spans = flags.trace ? new SpoolSink(flags.state) : undefined;
  const below = connectContainerd(flags.containerd);
  const dockerd = await createDockerd({
    containerd: below.services,
    root: join(flags.root, "dockerd"),
    state: flags.state,
    namespace: flags.namespace,
    snapshotter: flags.snapshotter,
    runtimes: flags.runtimes,
    defaultRuntime: flags.runtime ?? (await foundRuntime(below.services)),
    network: flags.network,
    ...(flags.initPath ? { initPath: flags.initPath } : {}),
    registries: flags.registries,
    ...(spans ? { spans } : {}),
    log,
  });
  const server = await serveDockerApi({
    engine: dockerd.engine,
    socketPath: flags.socket,
    ...(flags.gid === undefined ? {} : { socketGid: flags.gid }),
    tracer: new Tracer("dockerd", spans),
    log,
    stateDir: flags.state,
  });
  log.info("API listen", { socket: flags.socket, containerd: flags.containerd });
  await stopSignal();
  await server.close();
  await dockerd.close();
  below.close();
  spans?.flushSync();
  return 0;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
}

const usageFault = (message: string) =>
  failure({ layer: "cli", op: "read flags", code: "invalid_argument", message });

function readFlags(args: string[]): Flags | undefined {
  const { values } = parseArgs({
    args,
    options: {
      containerd: { type: "string" },
      root: { type: "string", default: DEFAULT_ROOT_DIR },
      state: { type: "string", default: DEFAULT_STATE_DIR },
      host: { type: "string", short: "H" },
      namespace: { type: "string", default: "moby" },
      snapshotter: { type: "string", default: "overlayfs" },
      runtime: { type: "string" },
      "add-runtime": { type: "string", multiple: true, default: [] },
      "init-path": { type: "string" },
      bridge: { type: "string", short: "b" },
      bip: { type: "string" },
      "no-iptables": { type: "boolean", default: false },
      "cni-path": { type: "string" },
      "registry-mirror": { type: "string", multiple: true, default: [] },
      "insecure-registry": { type: "string", multiple: true, default: [] },
      "registry-certs": { type: "string" },
      group: { type: "string", short: "G" },
      "no-trace": { type: "boolean", default: false },
      "log-level": { type: "string", default: "info" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  if (!values.containerd) throw usageFault("dockerd needs --containerd SOCKET");
  const runtimes = readRuntimes(values["add-runtime"]);
  const { runtime } = values;
  if (runtime !== undefined && !["catena", "runc"].includes(runtime) && !runtimes[runtime]) {
    throw usageFault(`--runtime ${runtime}: name it with --add-runtime`);
  }
  return {
    containerd: values.containerd,
    root: values.root,
    state: values.state,
    socket: socketOf(values.host ?? `unix://${join(values.state, "docker.sock")}`),
    namespace: values.namespace,
    snapshotter: values.snapshotter,
    runtime,
    runtimes,
    initPath: values["init-path"],
    network: {
      iptables: !values["no-iptables"],
      ...(values.bridge ? { bridge: values.bridge } : {}),
      ...(values.bip ? { bip: values.bip } : {}),
      ...(values["cni-path"] ? { cniFolder: values["cni-path"] } : {}),
    },
    registries: {
      mirrors: values["registry-mirror"],
      insecure: values["insecure-registry"],
      ...(values["registry-certs"] ? { certsFolder: values["registry-certs"] } : {}),
    },
    gid: groupId(values.group),
    trace: !values["no-trace"],
    level: values["log-level"] as LogLevel,
  };
}

function socketOf(address: string): string {
  const path = address.replace(/^unix:\/\//, "");
  if (!path.startsWith("/")) {
    throw usageFault(`-H ${address}: only unix:///path is served`);
  }
  return path;
}

function readRuntimes(given: string[]): Record<string, RuntimeChoice> {
  const out: Record<string, RuntimeChoice> = {};
  for (const text of given) {
    const at = text.indexOf("=");
    if (at < 1) throw usageFault(`--add-runtime ${text}: give NAME=PATH`);
    out[text.slice(0, at)] = { shim: "io.containerd.runc.v2", binary: text.slice(at + 1) };
  }
  return out;
}

/** Ours where the containerd below is ours, or could find our shim on the PATH that we have. */
async function foundRuntime(services: ContainerdServices): Promise<string> {
  const { version } = await services.version.version({}, {});
  const ours = version.includes("catena") || Bun.which("containerd-shim-catena-v2");
  return ours ? "catena" : "runc";
}

/** The socket's group: the one that was named, or `catena` where the host has it. */
function groupId(name: string | undefined): number | undefined {
  const wanted = name ?? "catena";
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${wanted}:`));
  if (line) return Number(line.split(":")[2]);
  if (name !== undefined) throw usageFault(`--group ${name}: there is no such group`);
  return undefined;
}
