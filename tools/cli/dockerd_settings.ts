import { failure } from "#lib/errors/chain_error.ts";
import {
  type ContainerDefaults,
  DAEMON_FILE,
  type DaemonFile,
  type DockerdOptions,
  parseSize,
  type RuntimeChoice,
  readDaemonFile,
} from "#stack/dockerd/main.ts";
import { type DockerHosts, readHosts, type TlsFlags } from "./docker_hosts.ts";

const fault = (message: string) =>
  failure({ layer: "cli", op: "read flags", code: "invalid_argument", message });

/** Flags of both `catena daemon` and `catena dockerd`. */
export interface DockerdFlags extends TlsFlags {
  host: string[];
  group?: string;
  configFile?: string;
  execOpt: string[];
  bridge?: string;
  bip?: string;
  /** Set to false by --no-iptables. */
  iptables: boolean;
  cniPath?: string;
  initPath?: string;
  registryMirror: string[];
  insecureRegistry: string[];
  registryCerts?: string;
}

/** What flags and daemon.json together say. */
export interface DockerdSettings {
  hosts: DockerHosts;
  group: string | undefined;
  debug: boolean;
  /** For `createDockerd`. */
  options: Partial<DockerdOptions>;
}

/**
 * Reads daemon.json (the usual one, which may be missing, or the one that is named) and joins it
 * with the flags. As dockerd does, refuses what both say.
 */
export function dockerdSettings(flags: DockerdFlags): DockerdSettings {
  const path = flags.configFile ?? DAEMON_FILE;
  const file = readDaemonFile(path, flags.configFile !== undefined);
  refuseTwice(flags, file, path);
  const execOptions = [...(file["exec-opts"] ?? []), ...flags.execOpt];
  const initPath = flags.initPath ?? file["init-path"];
  const certsFolder = flags.registryCerts;
  return {
    hosts: readHosts([...flags.host, ...(file.hosts ?? [])], { ...file, ...definedOnly(flags) }),
    group: flags.group ?? file.group,
    debug: file.debug === true,
    options: {
      network: definedOnly({
        bridge: flags.bridge ?? file.bridge,
        bip: flags.bip ?? file.bip,
        mtu: file.mtu,
        iptables: flags.iptables && file.iptables !== false,
        cniFolder: flags.cniPath ?? file["cni-path"],
      }),
      registries: {
        mirrors: [...flags.registryMirror, ...(file["registry-mirrors"] ?? [])],
        insecure: [...flags.insecureRegistry, ...(file["insecure-registries"] ?? [])],
        ...(certsFolder ? { certsFolder } : {}),
      },
      runtimes: runtimesOf(file),
      defaults: defaultsOf(file),
      labels: file.labels ?? [],
      systemdCgroup: isSystemd(execOptions),
      ...(initPath ? { initPath } : {}),
      ...(file["default-runtime"] ? { defaultRuntime: file["default-runtime"] } : {}),
    },
  };
}

function refuseTwice(flags: DockerdFlags, file: DaemonFile, path: string): void {
  const given: Record<string, unknown> = {
    group: flags.group,
    bridge: flags.bridge,
    bip: flags.bip,
    iptables: flags.iptables ? undefined : false,
    "cni-path": flags.cniPath,
    "init-path": flags.initPath,
    hosts: flags.host[0],
    "exec-opts": flags.execOpt[0],
    "registry-mirrors": flags.registryMirror[0],
    "insecure-registries": flags.insecureRegistry[0],
  };
  const twice = Object.keys(given).filter(
    (name) => given[name] !== undefined && Object.hasOwn(file, name),
  );
  if (twice.length === 0) return;
  throw fault(
    `unable to configure the Docker daemon with file ${path}: the following directives are ` +
      `specified both as a flag and in the configuration file: ${twice.join(", ")}`,
  );
}

/** `native.cgroupdriver=systemd` */
function isSystemd(options: readonly string[]): boolean {
  let systemd = false;
  for (const option of options) {
    const [name = "", value = ""] = option.split("=");
    if (name !== "native.cgroupdriver" || !["systemd", "cgroupfs"].includes(value)) {
      throw fault(`invalid option for --exec-opt: ${option}`);
    }
    systemd = value === "systemd";
  }
  return systemd;
}

function runtimesOf(file: DaemonFile): Record<string, RuntimeChoice> {
  const out: Record<string, RuntimeChoice> = {};
  for (const [name, { path, runtimeType }] of Object.entries(file.runtimes ?? {})) {
    const shim = runtimeType ?? "io.containerd.runc.v2";
    out[name] = path ? { shim, binary: path } : { shim };
  }
  return out;
}

function defaultsOf(file: DaemonFile): ContainerDefaults {
  const shm = file["default-shm-size"];
  const shmBytes = shm === undefined ? undefined : parseSize(shm);
  if (shm !== undefined && shmBytes === undefined) throw fault(`default-shm-size: ${shm}`);
  const ulimits = Object.entries(file["default-ulimits"] ?? {}).map(([key, limit]) => ({
    Name: limit.Name ?? key,
    Soft: limit.Soft,
    Hard: limit.Hard,
  }));
  return definedOnly({
    logDriver: file["log-driver"],
    logOptions: file["log-opts"],
    dns: file.dns,
    dnsOptions: file["dns-opts"],
    dnsSearch: file["dns-search"],
    init: file.init,
    shmBytes,
    cgroupnsMode: file["default-cgroupns-mode"],
    ipcMode: file["default-ipc-mode"],
    cgroupParent: file["cgroup-parent"],
    ulimits: ulimits.length > 0 ? ulimits : undefined,
  });
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function definedOnly<T extends object>(value: T): Defined<T> {
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(entries) as Defined<T>;
}
