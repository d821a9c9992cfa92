import type { CgroupDriver } from "../cgroup/cgroup_driver.ts";
import type { ContainerConfig, SandboxConfig } from "./runtime_config.ts";

/** A sandbox as the runtime lists it. Times are milliseconds since 1970. */
export interface SandboxView {
  id: string;
  name: string;
  namespace: string;
  uid: string;
  attempt: number;
  ready: boolean;
  createdMs: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export type ContainerPhase = "created" | "running" | "exited" | "unknown";

/** A container as the runtime lists it. */
export interface ContainerView {
  id: string;
  sandboxId: string;
  name: string;
  attempt: number;
  phase: ContainerPhase;
  createdMs: number;
  image: string;
  imageRef: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** What only a container's own status tells. */
export interface ContainerDetail {
  phase: ContainerPhase;
  startedMs: number;
  finishedMs: number;
  exitCode: number;
  reason: string;
  message: string;
  imageId: string;
  logPath: string;
}

export interface ExecResult {
  exitCode: number;
  /** Both streams, stdout first. */
  output: string;
}

export interface ImageView {
  id: string;
  tags: string[];
  digests: string[];
  sizeBytes: number;
  /** User that the image names: a number, or a name. */
  uid?: number;
  username: string;
  pinned: boolean;
}

export interface RuntimeStatus {
  /** `containerd 1.6.20`, `catena …`. */
  name: string;
  version: string;
  ready: boolean;
  networkReady: boolean;
  /** Why it is not ready, in the runtime's own words. */
  reason: string;
}

/** A request for a stream of the CRI streaming server. */
export interface StreamRequest {
  containerId: string;
  command: string[];
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/**
 * What the kubelet needs of a container runtime. Every call ends: at its deadline it rejects with a
 * ChainError whose causeId is "cri-hung". Ids that are gone are no failure where they are removed.
 */
export interface PodRuntime {
  status(): Promise<RuntimeStatus>;
  /** Who makes the runtime's cgroups; undefined where it is too old to tell. */
  cgroupDriver(): Promise<CgroupDriver | undefined>;
  listSandboxes(): Promise<SandboxView[]>;
  listContainers(): Promise<ContainerView[]>;
  containerDetail(id: string): Promise<ContainerDetail>;
  /** The pid of a container's first process, where the runtime tells it. */
  containerPid(id: string): Promise<number | undefined>;
  /** The sandbox's own addresses; none in the host's network. */
  sandboxIps(id: string): Promise<string[]>;
  runSandbox(config: SandboxConfig, handler: string): Promise<string>;
  stopSandbox(id: string): Promise<void>;
  removeSandbox(id: string): Promise<void>;
  createContainer(
    sandboxId: string,
    config: ContainerConfig,
    sandbox: SandboxConfig,
  ): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** SIGTERM, and SIGKILL after so many seconds. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  reopenLog(id: string): Promise<void>;
  execSync(id: string, command: string[], timeoutSeconds: number): Promise<ExecResult>;
  execUrl(request: StreamRequest): Promise<string>;
  attachUrl(request: StreamRequest): Promise<string>;
  portForwardUrl(sandboxId: string, ports: number[]): Promise<string>;
  imageOf(reference: string): Promise<ImageView | undefined>;
  listImages(): Promise<ImageView[]>;
  pullImage(reference: string, sandbox: SandboxConfig): Promise<string>;
  removeImage(id: string): Promise<void>;
  /** Folders of the image store. */
  imageFolders(): Promise<string[]>;
}
