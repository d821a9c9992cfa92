import { existsSync } from "node:fs";
import { Log } from "#lib/log/log.ts";
import type { RegistrySettings } from "#lib/registry/registry_endpoint.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { SpanSink } from "#lib/trace/tracer.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import type { ContainerDefaults } from "./config/container_defaults.ts";
import type { Container } from "./container/container.ts";
import { ContainerStore } from "./container/container_store.ts";
import { EventBus } from "./events/event_bus.ts";
import type { ExecProcess } from "./exec/exec_process.ts";
import { ExecStore } from "./exec/exec_store.ts";
import { ImageStore } from "./images/image_store.ts";
import { Networks } from "./network/networks.ts";
import { RootfsMounts } from "./rootfs/rootfs_mount.ts";
import { type HostFacts, readHostFacts } from "./spec/host_facts.ts";
import { VolumeStore } from "./volumes/volume_store.ts";

/** A way to run containers: containerd's name of the shim, and the OCI runtime behind it. */
export interface RuntimeChoice {
  /** `io.containerd.catena.v2`, `io.containerd.runc.v2`, … */
  shim: string;
  /** Path or name of the OCI runtime; the shim's own when left out. */
  binary?: string;
}

/** The flags of dockerd that its bridge networks have. */
export interface DockerdNetworkOptions {
  /** `none`: no bridge networks. Else the name of the default network's bridge. */
  bridge?: string;
  /** False: the host's packet filter is not touched. */
  iptables?: boolean;
  /** Address and prefix of the default network's bridge. */
  bip?: string;
  mtu?: number;
  /** Folder of the CNI plugins, when it is not a usual one. */
  cniFolder?: string;
}

export interface DockerdOptions {
  containerd: ContainerdServices;
  /** Images' and containers' data that outlives a reboot. */
  root: string;
  /** Sockets, FIFOs and what a reboot may take. */
  state: string;
  /** containerd's namespace. Default "moby". */
  namespace?: string;
  /** Default "overlayfs". */
  snapshotter?: string;
  /** By the name that `--runtime` and HostConfig.Runtime use. */
  runtimes?: Record<string, RuntimeChoice>;
  defaultRuntime?: string;
  /** Static init program for `--init`. Default: Docker's own, where it is installed. */
  initPath?: string;
  /** Mirrors, insecure registries, certificates. */
  registries?: RegistrySettings;
  network?: DockerdNetworkOptions;
  /** What containers get that leave it open. */
  defaults?: ContainerDefaults;
  /** Of the daemon itself, for `info`. */
  labels?: string[];
  /** Cgroups are systemd's scopes (native.cgroupdriver=systemd). */
  systemdCgroup?: boolean;
  spans?: SpanSink;
  log?: Log;
}

/** Label by which this daemon knows its containers among those of others in the namespace. */
export const OWNER_LABEL = "catena.dockerd";

/** Where Docker's packages put the init program of `--init`. */
const INIT_PATHS = [
  "/usr/libexec/docker/docker-init",
  "/usr/bin/docker-init",
  "/usr/bin/tini-static",
];

/** What all operations share. */
export class Daemon {
  readonly options: DockerdOptions;
  readonly services: ContainerdServices;
  readonly facts: HostFacts = readHostFacts();
  readonly containers: ContainerStore;
  readonly images: ImageStore;
  readonly volumes: VolumeStore;
  readonly mounts: RootfsMounts;
  readonly networks: Networks;
  readonly events = new EventBus();
  readonly execs = new ExecStore();
  /** Execs that were created, and are prepared for a start that may follow at once. */
  readonly preparedExecs = new Set<ExecProcess>();
  readonly tracer: Tracer;
  readonly log: Log;
  readonly runtimes: Record<string, RuntimeChoice>;
  readonly defaultRuntime: string;
  /** Containers that want an init program are refused without one. */
  readonly initPath: string | undefined;
  readonly startedAt = new Date();
  /** Aborted when the daemon closes: streams and loops end with it. */
  readonly closing = new AbortController();
  /** Ends health probes and restarts of a container. Filled by their modules. */
  readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(options: DockerdOptions) {
    this.options = options;
    this.services = options.containerd;
    this.log = options.log ?? new Log("dockerd");
    this.tracer = new Tracer("dockerd", options.spans);
    this.containers = new ContainerStore(options.root);
    this.volumes = new VolumeStore(options.root);
    this.images = new ImageStore(options.containerd, options.snapshotter ?? "overlayfs");
    this.mounts = new RootfsMounts(options.root);
    this.networks = new Networks({ ...options.network, ...options }, this.log);
    this.runtimes = {
      catena: { shim: "io.containerd.catena.v2" },
      runc: { shim: "io.containerd.runc.v2" },
      ...options.runtimes,
    };
    this.initPath = options.initPath ?? INIT_PATHS.find((path) => existsSync(path));
    this.defaultRuntime = options.defaultRuntime ?? "catena";
  }

  get namespace(): string {
    return this.options.namespace ?? "moby";
  }

  /**
   * The context of calls to containerd. The client's abort is not passed on: an operation that has
   * begun is finished, whoever still waits for it.
   */
  call(context: CallContext = {}): CallContext {
    return context.trace
      ? { namespace: this.namespace, trace: context.trace }
      : { namespace: this.namespace };
  }

  /** Folder of a process's FIFOs: the container's own, or an exec's. */
  fifoFolder(containerId: string, execId = "init"): string {
    return `${this.options.state}/fifo/${containerId}/${execId}`;
  }

  setTimer(key: string, ms: number, work: () => Promise<void>): void {
    this.clearTimer(key);
    if (this.closing.signal.aborted) return;
    const timer = setTimeout(() => {
      this.timers.delete(key);
      work().catch((error: unknown) => this.log.error("timed work failed", { key, error }));
    }, ms);
    this.timers.set(key, timer);
  }

  clearTimer(key: string): void {
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
  }

  /** Which shim and runtime a container runs under. */
  runtimeOf(name: string | null | undefined): RuntimeChoice | undefined {
    const wanted = name || this.defaultRuntime;
    if (wanted.startsWith("io.containerd.")) return { shim: wanted };
    return Object.hasOwn(this.runtimes, wanted) ? this.runtimes[wanted] : undefined;
  }

  /** Opens what reads the container's logs must find: used by start and by recovery. */
  find(ref: string): Container {
    return this.containers.find(ref);
  }
}
