import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { failure } from "#lib/errors/chain_error.ts";
import { DEFAULT_ROOT_DIR, DEFAULT_STATE_DIR } from "#lib/install/install_paths.ts";
import { Log, type LogLevel } from "#lib/log/log.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import { createDockerd, type RuntimeChoice } from "#stack/dockerd/main.ts";
import { connectContainerd } from "#wire/containerd-api/client.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import { serveDockerApi } from "#wire/docker-api/server/http_server.ts";
import { openForwarded } from "../docker_hosts.ts";
import { type DockerdSettings, dockerdSettings } from "../dockerd_settings.ts";

export const USAGE = `Usage: catena dockerd [options]

  --containerd SOCKET    containerd below, ours or the genuine one (required)
  --root DIR             data that outlives a reboot (default ${DEFAULT_ROOT_DIR})
  --state DIR            sockets, FIFOs and records (default ${DEFAULT_STATE_DIR})
  -H, --host ADDRESS     unix:///path (default unix://STATE/docker.sock), tcp://host:port, fd://;
                         may be repeated
  --config-file PATH     daemon.json (default /etc/catena/daemon.json)
  --exec-opt OPTION      native.cgroupdriver=systemd or cgroupfs
  --tls, --tlsverify, --tlscacert, --tlscert, --tlskey  TLS of tcp:// hosts, as dockerd has it
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
  settings: DockerdSettings;
  gid: number | undefined;
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
  const { options, hosts } = flags.settings;
  const dockerd = await createDockerd({
    containerd: below.services,
    root: join(flags.root, "dockerd"),
    state: flags.state,
    namespace: flags.namespace,
    snapshotter: flags.snapshotter,
    ...options,
    runtimes: flags.runtimes,
    defaultRuntime: flags.runtime ?? options.defaultRuntime ?? (await foundRuntime(below.services)),
    ...(spans ? { spans } : {}),
    log,
  });
  const unwind: (() => Promise<void> | void)[] = [];
  for (const socketPath of new Set([flags.socket, ...hosts.sockets])) {
    const server = await serveDockerApi({
      engine: dockerd.engine,
      socketPath,
      ...(flags.gid === undefined ? {} : { socketGid: flags.gid }),
      tracer: new Tracer("dockerd", spans),
      log,
      stateDir: flags.state,
    });
    unwind.push(() => server.close());
  }
  await openForwarded(hosts.forwarded, flags.socket, unwind);
  log.info("API listen", { socket: flags.socket, containerd: flags.containerd });
  await stopSignal();
  for (const close of unwind.reverse()) await close();
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
      host: { type: "string", short: "H", multiple: true, default: [] },
      "config-file": { type: "string" },
      "exec-opt": { type: "string", multiple: true, default: [] },
      tls: { type: "boolean" },
      tlsverify: { type: "boolean" },
      tlscacert: { type: "string" },
      tlscert: { type: "string" },
      tlskey: { type: "string" },
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
  const settings = dockerdSettings({
    ...values,
    execOpt: values["exec-opt"],
    iptables: !values["no-iptables"],
    registryMirror: values["registry-mirror"],
    insecureRegistry: values["insecure-registry"],
    ...given("configFile", values["config-file"]),
    ...given("cniPath", values["cni-path"]),
    ...given("initPath", values["init-path"]),
    ...given("registryCerts", values["registry-certs"]),
  });
  const runtimes = { ...settings.options.runtimes, ...readRuntimes(values["add-runtime"]) };
  const { runtime } = values;
  if (runtime !== undefined && !["catena", "runc"].includes(runtime) && !runtimes[runtime]) {
    throw usageFault(`--runtime ${runtime}: name it with --add-runtime`);
  }
  return {
    containerd: values.containerd,
    root: values.root,
    state: values.state,
    socket: settings.hosts.sockets[0] ?? join(values.state, "docker.sock"),
    settings,
    namespace: values.namespace,
    snapshotter: values.snapshotter,
    runtime,
    runtimes,
    gid: groupId(settings.group),
    trace: !values["no-trace"],
    level: values["log-level"] as LogLevel,
  };
}

/** A property only when it was given. */
const given = <K extends string>(key: K, value: string | undefined): { [P in K]?: string } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });

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
