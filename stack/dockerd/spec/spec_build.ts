import type { ContainerConfig, HostConfig } from "#wire/docker-api/types/container_config.ts";
import { DEFAULT_DEVICE_RULES, type ResolvedDevices } from "./devices.ts";
import type { HostFacts } from "./host_facts.ts";
import type { OciMount, OciNamespace, OciSeccomp, OciSpec } from "./oci_types.ts";
import { ociResources } from "./resources.ts";
import type { ResolvedUser } from "./user_lookup.ts";

/** What a container mounts, by its creator's wish: already resolved to paths of the host. */
export interface SpecMount {
  destination: string;
  type: "bind" | "tmpfs";
  source: string;
  options: string[];
}

/**
 * Whose namespace a container has: its own, the host's, another's at a path, or its own that was
 * made before it and lies at a path.
 */
export type Sharing = "own" | "host" | { path: string } | { own: string };

export interface SpecInput {
  id: string;
  config: ContainerConfig;
  host: HostConfig;
  facts: HostFacts;
  /** The cgroup is a scope of systemd's, its parent a slice. */
  systemdCgroup: boolean;
  /** Absolute path of the mounted root file system. */
  rootfs: string;
  args: string[];
  env: string[];
  user: ResolvedUser;
  capabilities: string[];
  noNewPrivileges: boolean;
  apparmorProfile: string;
  seccomp: OciSeccomp | undefined;
  devices: ResolvedDevices;
  mounts: SpecMount[];
  network: Sharing;
  ipc: Sharing;
  pid: Sharing;
  /** Absolute path of a static init program, when `--init` is asked for. */
  initPath: string | undefined;
}

const ENV_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** Where `--init` puts the init program. */
export const INIT_IN_CONTAINER = "/sbin/docker-init";

/** What a container that is not privileged must not read. */
export const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

/** What it must not write. */
export const READONLY_PATHS = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

const mount = (destination: string, type: string, source: string, options: string): OciMount => ({
  destination,
  type,
  source,
  options: options.split(","),
});

function systemMounts(shmBytes: number): OciMount[] {
  return [
    mount("/proc", "proc", "proc", "nosuid,noexec,nodev"),
    mount("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
    mount(
      "/dev/pts",
      "devpts",
      "devpts",
      "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
    ),
    mount("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro,nosuid,noexec,nodev"),
    mount("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
    mount("/dev/shm", "tmpfs", "shm", `nosuid,noexec,nodev,mode=1777,size=${shmBytes}`),
  ];
}

/** Builds the OCI spec of a container. Pure: everything of the host is in the input. */
export function buildSpec(input: SpecInput): OciSpec {
  const { config, host } = input;
  const spec: OciSpec = {
    ociVersion: "1.0.2",
    process: {
      terminal: config.Tty === true,
      user: {
        uid: input.user.uid,
        gid: input.user.gid,
        // runc drops additional groups that equal the primary one's; naming it is what dockerd
        // does.
        additionalGids: [...new Set([input.user.gid, ...input.user.additionalGids])],
      },
      args: input.initPath ? [INIT_IN_CONTAINER, "--", ...input.args] : input.args,
      env: input.env,
      cwd: config.WorkingDir || "/",
      capabilities: capabilitySets(input.capabilities),
    },
    root: { path: input.rootfs, readonly: host.ReadonlyRootfs === true },
    mounts: allMounts(input),
    linux: {
      cgroupsPath: cgroupPath(input),
      namespaces: namespaces(input),
      resources: {
        ...ociResources(host),
        devices: host.Privileged
          ? input.devices.rules
          : [...DEFAULT_DEVICE_RULES, ...input.devices.rules],
      },
      devices: input.devices.devices,
      maskedPaths: host.Privileged ? [] : (host.MaskedPaths ?? MASKED_PATHS),
      readonlyPaths: host.Privileged ? [] : (host.ReadonlyPaths ?? READONLY_PATHS),
    },
  };
  addProcessOptions(spec, input);
  addLinuxOptions(spec, input);
  return spec;
}

/** The same capabilities as bounding, effective and permitted set: what dockerd gives. */
export function capabilitySets(names: string[]) {
  return { bounding: names, effective: names, permitted: names };
}

/** Under systemd `slice:prefix:name`, else a path. */
function cgroupPath({ host, id, systemdCgroup }: SpecInput): string {
  if (systemdCgroup) return `${host.CgroupParent || "system.slice"}:docker:${id}`;
  return `${cgroupParent(host)}/${id}`;
}

function cgroupParent(host: HostConfig): string {
  const parent = host.CgroupParent?.replace(/\/+$/, "");
  if (!parent) return "/docker";
  return parent.startsWith("/") ? parent : `/${parent}`;
}

function addProcessOptions(spec: OciSpec, input: SpecInput): void {
  const { host, config, facts } = input;
  const limits = (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({
    type: `RLIMIT_${Name.toUpperCase()}`,
    soft: Soft,
    hard: Hard,
  }));
  if (limits.length > 0) spec.process.rlimits = limits;
  if (input.noNewPrivileges) spec.process.noNewPrivileges = true;
  if (input.apparmorProfile) spec.process.apparmorProfile = input.apparmorProfile;
  if (host.OomScoreAdj) {
    spec.process.oomScoreAdj = Math.max(host.OomScoreAdj, facts.leastOomScoreAdj);
  }
  const [height, width] = host.ConsoleSize ?? [];
  if (config.Tty && height && width) spec.process.consoleSize = { height, width };
  if (host.UTSMode !== "host") {
    spec.hostname = config.Hostname ?? "";
    if (config.Domainname) spec.domainname = config.Domainname;
  }
}

function addLinuxOptions(spec: OciSpec, input: SpecInput): void {
  const { host, facts } = input;
  const isOwn =
    input.network === "own" || (typeof input.network === "object" && "own" in input.network);
  const ownNetwork = isOwn ? facts.defaultSysctls : {};
  const sysctl = { ...ownNetwork, ...host.Sysctls };
  if (Object.keys(sysctl).length > 0) spec.linux.sysctl = sysctl;
  if (input.seccomp) spec.linux.seccomp = input.seccomp;
  if (host.Annotations && Object.keys(host.Annotations).length > 0) {
    spec.annotations = host.Annotations;
  }
  const shared = input.mounts.some((m) => m.options.some((o) => /^r?shared$/.test(o)));
  const slave = input.mounts.some((m) => m.options.some((o) => /^r?slave$/.test(o)));
  if (shared) spec.linux.rootfsPropagation = "shared";
  else if (slave) spec.linux.rootfsPropagation = "rslave";
}

function namespaces(input: SpecInput): OciNamespace[] {
  const out: OciNamespace[] = [{ type: "mount" }];
  if (input.host.UTSMode !== "host") out.push({ type: "uts" });
  const share = (type: OciNamespace["type"], sharing: Sharing) => {
    if (sharing === "own") out.push({ type });
    else if (sharing !== "host") {
      out.push({ type, path: "own" in sharing ? sharing.own : sharing.path });
    }
  };
  share("network", input.network);
  share("ipc", input.ipc);
  share("pid", input.pid);
  const mode = input.host.CgroupnsMode || (input.facts.pureCgroupV2 ? "private" : "host");
  if (mode === "private") out.push({ type: "cgroup" });
  return out;
}

/** The system's mounts, but for those that the creator replaced, then the creator's. */
function allMounts(input: SpecInput): OciMount[] {
  const { host } = input;
  const taken = new Set(input.mounts.map((item) => item.destination));
  const shmBytes = host.ShmSize || 64 * 1024 * 1024;
  const system = systemMounts(shmBytes).filter((item) => {
    if (taken.has(item.destination)) return false;
    if (taken.has("/dev") && item.destination.startsWith("/dev/")) return false;
    return item.destination !== "/dev/shm" || host.IpcMode !== "none";
  });
  for (const item of system) adaptSystemMount(item, host);
  const given = [...input.mounts].sort((a, b) => depth(a.destination) - depth(b.destination));
  const init = input.initPath ? [mount(INIT_IN_CONTAINER, "bind", input.initPath, "bind,ro")] : [];
  return [...system, ...given.map((item) => ({ ...item })), ...init];
}

const depth = (path: string) => path.split("/").filter((part) => part !== "").length;

const WRITABLE = new Set(["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"]);

function adaptSystemMount(item: OciMount, host: HostConfig): void {
  const opens = item.destination === "/sys" || item.type === "cgroup";
  if (host.Privileged && opens) {
    item.options = item.options.map((option) => (option === "ro" ? "rw" : option));
  } else if (host.ReadonlyRootfs && !WRITABLE.has(item.destination)) {
    if (!item.options.includes("ro")) item.options.push("ro");
  }
}

/** The environment: defaults first, then the image's and the client's, later ones winning. */
export function containerEnv(
  config: ContainerConfig,
  home: string,
  links: readonly string[] = [],
): string[] {
  const out = new Map<string, string>();
  const put = (entry: string) => {
    const at = entry.indexOf("=");
    // `-e NAME` without a value removes it.
    if (at < 0) out.delete(entry);
    else out.set(entry.slice(0, at), entry);
  };
  put(ENV_PATH);
  put(`HOSTNAME=${config.Hostname ?? ""}`);
  if (config.Tty) put("TERM=xterm");
  for (const entry of links) put(entry);
  for (const entry of config.Env ?? []) put(entry);
  if (!out.has("HOME")) put(`HOME=${home}`);
  return [...out.values()];
}
