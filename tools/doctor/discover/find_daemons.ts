import { basename, dirname, isAbsolute, join } from "node:path";
import type { HostFiles } from "../host/host_files.ts";
import { flagValue, flagValues, type HostProcess } from "../host/process_table.ts";
import { type FoundMonitor, readMonitor } from "./find_monitors.ts";

/** A running dockerd. */
export interface FoundDocker {
  pid: number;
  sockets: string[];
  dataRoot: string;
  execRoot: string;
  /** The containerd socket that it talks to. */
  containerd: string;
}

/** A running containerd. */
export interface FoundContainerd {
  pid: number;
  socket: string;
  stateDir: string;
}

/** A running shim. One of ours serves many containers, then `id` is the first. */
export interface FoundShim {
  pid: number;
  namespace: string;
  id: string;
  /** containerd's socket. */
  containerd: string;
  bundle?: string;
  binary: string;
  runtimeRoot?: string;
  /** The runtime's executable, where its command line or its era tells. */
  runtimeBinary?: string;
}

/** The daemons of a host by their processes, wedged and stopped ones included. */
export interface Daemons {
  dockers: FoundDocker[];
  containerds: FoundContainerd[];
  shims: FoundShim[];
  /** conmons of podman and CRI-O. */
  monitors: FoundMonitor[];
  /** CRI sockets that a kubelet or a CRI daemon names. */
  cris: { socket: string; pid?: number }[];
  /** Daemons with a root of their own (Docker in a container): their paths mean nothing here. */
  elsewhere: { name: string; pid: number }[];
}

/** Recognises daemons and shims, today's names and those of the docker-containerd era. */
export function findDaemons(files: HostFiles, table: Map<number, HostProcess>): Daemons {
  const out: Daemons = {
    dockers: [],
    containerds: [],
    shims: [],
    monitors: [],
    cris: [],
    elsewhere: [],
  };
  for (const process of table.values()) {
    const name = basename(process.argv[0] ?? "");
    if (DAEMON.test(name) && hasOtherRoot(files, process)) {
      out.elsewhere.push({ name, pid: process.pid });
    } else if (name === "dockerd") out.dockers.push(docker(files, process));
    else if (name === "containerd" || name === "docker-containerd") {
      out.containerds.push(containerd(files, process));
    } else if (name === "conmon") {
      const monitor = readMonitor(process);
      if (monitor) out.monitors.push(monitor);
    } else if (CRI_DAEMONS[name] !== undefined) {
      out.cris.push({
        ...(name !== "kubelet" && { pid: process.pid }),
        socket: cri(process, name),
      });
    } else if (/^(docker-)?containerd-shim/.test(name)) {
      const found = shim(files, process);
      if (found) out.shims.push(found);
    } else if (name === "catena" && process.argv[1] !== undefined) {
      ours(process, out);
    }
  }
  return out;
}

const DAEMON = /^(docker-)?(dockerd|containerd)(-shim.*)?$|^(conmon|crio|cri-dockerd|kubelet)$/;

/** Who serves CRI or knows who does, and where by default. */
const CRI_DAEMONS: Record<string, string> = {
  crio: "/run/crio/crio.sock",
  "cri-dockerd": "/run/cri-dockerd.sock",
  kubelet: "/run/containerd/containerd.sock",
};

function cri(process: HostProcess, name: string): string {
  const flags = ["--container-runtime-endpoint", "--listen"];
  const told = flagValue(process.argv, ...(name === "kubelet" ? flags.slice(0, 1) : flags));
  return (told && (unixPath(told) ?? (isAbsolute(told) ? told : undefined))) || CRI_DAEMONS[name]!;
}

/** A process whose root folder is not ours lives in a container, and so do its sockets. */
function hasOtherRoot(files: HostFiles, process: HostProcess): boolean {
  if (process.state === "D") return false;
  const own = files.stat("/");
  const other = files.stat(`/proc/${process.pid}/root/`);
  if (!own || !other) return false;
  return own.ino !== other.ino || own.dev !== other.dev;
}

function docker(files: HostFiles, process: HostProcess): FoundDocker {
  const argv = process.argv;
  const configFile = flagValue(argv, "--config-file") ?? "/etc/docker/daemon.json";
  const config = (files.json(configFile) ?? {}) as Record<string, unknown>;
  const text = (key: string) => (typeof config[key] === "string" ? config[key] : undefined);
  const execRoot = flagValue(argv, "--exec-root") ?? text("exec-root") ?? "/var/run/docker";
  const hosts = [...flagValues(argv, "-H", "--host")];
  if (Array.isArray(config["hosts"])) hosts.push(...config["hosts"].map(String));
  const sockets = hosts.map(unixPath).filter((path) => path !== undefined);
  if (sockets.length === 0) sockets.push("/var/run/docker.sock");
  return {
    pid: process.pid,
    sockets,
    dataRoot:
      flagValue(argv, "--data-root", "-g", "--graph") ?? text("data-root") ?? "/var/lib/docker",
    execRoot,
    containerd:
      flagValue(argv, "--containerd") ?? text("containerd") ?? managedContainerd(files, execRoot),
  };
}

/** The containerd that a dockerd without `--containerd` uses: the system's, or its own child. */
function managedContainerd(files: HostFiles, execRoot: string): string {
  const own = [
    join(execRoot, "containerd/containerd.sock"),
    join(execRoot, "containerd/docker-containerd.sock"),
  ].find((path) => files.exists(path));
  return own ?? "/run/containerd/containerd.sock";
}

/** `fd://` and `tcp://` have no path; `fd://` is systemd's default socket. */
function unixPath(host: string): string | undefined {
  if (host.startsWith("unix://")) return host.slice("unix://".length);
  return host.startsWith("fd://") ? "/var/run/docker.sock" : undefined;
}

function containerd(files: HostFiles, process: HostProcess): FoundContainerd {
  const argv = process.argv;
  const config = flagValue(argv, "--config", "-c") ?? "/etc/containerd/config.toml";
  const toml = files.read(config, 65536) ?? "";
  const stateDir = flagValue(argv, "--state") ?? tomlText(toml, "state") ?? "/run/containerd";
  return {
    pid: process.pid,
    stateDir,
    socket:
      flagValue(argv, "--address", "-a") ??
      tomlText(toml, "address") ??
      "/run/containerd/containerd.sock",
  };
}

/** The first `key = "value"` of a TOML file; enough for paths at the top and under [grpc]. */
function tomlText(toml: string, key: string): string | undefined {
  return toml.match(new RegExp(`^\\s*${key}\\s*=\\s*["']([^"']+)["']`, "m"))?.[1];
}

function shim(files: HostFiles, process: HostProcess): FoundShim | undefined {
  const argv = process.argv;
  const namespace = flagValue(argv, "-namespace", "--namespace") ?? "default";
  const containerdSocket = flagValue(argv, "-address", "--address") ?? "";
  // A shim's first generation was told its bundle's work folder instead of an id.
  const workdir = flagValue(argv, "-workdir");
  const id = flagValue(argv, "-id", "--id") ?? (workdir ? basename(workdir) : undefined);
  if (id === undefined) return undefined;
  const cwd = process.state === "D" ? undefined : files.link(`/proc/${process.pid}/cwd`);
  const bundle = cwd && files.exists(join(cwd, "config.json")) ? cwd : undefined;
  const runtimeRoot = flagValue(argv, "-runtime-root");
  const era = basename(argv[0] ?? "").startsWith("docker-") ? "docker-runc" : undefined;
  const runtimeBinary = flagValue(argv, "-runtime") ?? era;
  return {
    pid: process.pid,
    namespace,
    id,
    containerd: containerdSocket,
    binary: argv[0]!,
    ...(bundle && { bundle }),
    ...(runtimeRoot && { runtimeRoot }),
    ...(runtimeBinary && { runtimeBinary }),
  };
}

/** `catena daemon`, `catena dockerd`, `catena containerd`: one process may be both links. */
function ours(process: HostProcess, out: Daemons): void {
  const [, command, ...rest] = process.argv;
  const stateDir = flagValue(rest, "--state") ?? "/run/catena";
  const root = flagValue(rest, "--root") ?? "/var/lib/catena";
  const socket = join(stateDir, "containerd.sock");
  if (command === "daemon" || command === "containerd") {
    const collapsed = command === "daemon" ? join(stateDir, "containerd") : stateDir;
    const address = flagValue(rest, "--address", "-a") ?? socket;
    out.containerds.push({ pid: process.pid, socket: address, stateDir: collapsed });
  }
  if (command === "daemon" || command === "dockerd") {
    const hosts = flagValues(rest, "-H", "--host").map(unixPath);
    out.dockers.push({
      pid: process.pid,
      sockets: [join(stateDir, "docker.sock"), ...hosts.filter((path) => path !== undefined)],
      dataRoot: join(root, "dockerd"),
      execRoot: stateDir,
      containerd: flagValue(rest, "--containerd") ?? socket,
    });
  }
}

/** Where a containerd keeps a container's bundle, by its state folder. */
export function bundleCandidates(stateDir: string, namespace: string, id: string): string[] {
  return [
    join(stateDir, "io.containerd.runtime.v2.task", namespace, id),
    join(stateDir, "io.containerd.runtime.v1.linux", namespace, id),
    join(stateDir, "containerd/io.containerd.runtime.v2.task", namespace, id),
  ].filter(isAbsolute);
}

/** The state folder that a shim's bundle lies in. */
export function stateDirOfBundle(bundle: string): string {
  return dirname(dirname(dirname(bundle)));
}
