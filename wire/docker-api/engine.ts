import type { CallContext } from "#lib/rpc/service.ts";
import type { RegistryOperations } from "./registry_operations.ts";
import type { ImageBuildOptions } from "./types/build.ts";
import type {
  ContainerCreateBody,
  ContainerUpdateBody,
  ExecCreateBody,
  ExecStartBody,
} from "./types/container_config.ts";
import type { ContainerStats } from "./types/container_stats.ts";
import type {
  ContainerChange,
  ContainerCreated,
  ContainerInspect,
  ContainerSummary,
  ContainersPruned,
  ContainerTop,
  ContainerWaited,
  ExecInspect,
  PathStat,
} from "./types/container_view.ts";
import type {
  BuildPruned,
  ContainerCommitOptions,
  ImageHistoryItem,
  ImageImportOptions,
  ImageInspect,
  ImageRemoved,
  ImageSummary,
  ImagesPruned,
  ProgressMessage,
} from "./types/image.ts";
import type {
  NetworkConnectBody,
  NetworkCreateBody,
  NetworkDisconnectBody,
  NetworkView,
} from "./types/network.ts";
import type { DiskUsage, EventMessage, PingView, SystemInfo, VersionView } from "./types/system.ts";
import type {
  VolumeCreateBody,
  VolumeListView,
  VolumesPruned,
  VolumeView,
} from "./types/volume.ts";

/** Values by key, as `filters={"label":["a=b"]}` means. The deprecated map form is read into it. */
export type Filters = Record<string, string[]>;

/** A piece of a process's output. With a terminal all of it is stream 1. */
export interface OutputChunk {
  stream: 1 | 2;
  data: Uint8Array;
}

/** Where a client's input goes. `write` resolves when more may be sent. */
export interface InputSink {
  write(data: Uint8Array): Promise<void>;
  /** End of the client's input (half-close). */
  end(): Promise<void>;
}

/**
 * A client attached to a process. The holder must iterate `output` to its end or call its
 * iterator's `return`, which detaches.
 */
export interface AttachedStreams {
  /** True: output is raw terminal bytes; false: two streams. */
  tty: boolean;
  output: AsyncIterable<OutputChunk>;
  /** Absent when input was not asked for. */
  input?: InputSink;
}

export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Follow live output. */
  stream: boolean;
  /** First replay what was logged. */
  logs: boolean;
  detachKeys: string;
}

export interface LogOptions {
  stdout: boolean;
  stderr: boolean;
  follow: boolean;
  timestamps: boolean;
  /** Undefined: all lines. */
  tail?: number;
  /** Nanoseconds since 1970, bounds included. */
  sinceNs?: bigint;
  untilNs?: bigint;
  details: boolean;
}

export interface LogStream {
  tty: boolean;
  output: AsyncIterable<OutputChunk>;
}

export interface ContainerListOptions {
  all: boolean;
  /** 0: no limit. */
  limit: number;
  size: boolean;
  filters: Filters;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface EventQuery {
  sinceNs?: bigint;
  untilNs?: bigint;
  filters: Filters;
}

export interface ArchivePut {
  path: string;
  noOverwriteDirNonDir: boolean;
  copyUidGid: boolean;
}

/** Bytes of a request or reply body. */
export type ByteStream = AsyncIterable<Uint8Array>;

/**
 * The Docker Engine, as our dockerd implements it and as the client in this folder speaks it to any
 * daemon. All methods reject with a ChainError; `context` carries the trace and the abort signal.
 */
export interface DockerEngine extends RegistryOperations {
  ping(context: CallContext): Promise<PingView>;
  version(context: CallContext): Promise<VersionView>;
  info(context: CallContext): Promise<SystemInfo>;
  diskUsage(types: string[], context: CallContext): Promise<DiskUsage>;
  /** Ends when `untilNs` has passed or the signal aborts. */
  events(query: EventQuery, context: CallContext): AsyncIterable<EventMessage>;

  imageList(
    options: { all: boolean; filters: Filters; digests: boolean },
    context: CallContext,
  ): Promise<ImageSummary[]>;
  imageInspect(name: string, context: CallContext): Promise<ImageInspect>;
  imageHistory(name: string, context: CallContext): Promise<ImageHistoryItem[]>;
  imageTag(name: string, repo: string, tag: string, context: CallContext): Promise<void>;
  imageRemove(
    name: string,
    options: { force: boolean; noPrune: boolean },
    context: CallContext,
  ): Promise<ImageRemoved[]>;
  imagePrune(filters: Filters, context: CallContext): Promise<ImagesPruned>;
  /** Frees what builders keep beside images. */
  buildPrune(context: CallContext): Promise<BuildPruned>;
  /** Makes an image of one file system tar. The last message's `status` is the image's id. */
  imageImport(
    tar: ByteStream,
    options: ImageImportOptions,
    context: CallContext,
  ): AsyncIterable<ProgressMessage>;
  /** Builds an image of a Dockerfile; `tar` holds it and the files it copies. */
  imageBuild(
    tar: ByteStream,
    options: ImageBuildOptions,
    context: CallContext,
  ): AsyncIterable<ProgressMessage>;
  imageLoad(
    tar: ByteStream,
    options: { quiet: boolean },
    context: CallContext,
  ): AsyncIterable<ProgressMessage>;
  imageSave(names: string[], context: CallContext): Promise<ByteStream>;

  containerCreate(
    options: { name: string; platform: string; body: ContainerCreateBody },
    context: CallContext,
  ): Promise<ContainerCreated>;
  containerList(options: ContainerListOptions, context: CallContext): Promise<ContainerSummary[]>;
  containerInspect(id: string, size: boolean, context: CallContext): Promise<ContainerInspect>;
  /** False: it was running already. */
  containerStart(id: string, context: CallContext): Promise<boolean>;
  /** False: it was stopped already. `timeout` in seconds, -1 waits for ever. */
  containerStop(
    id: string,
    options: { timeout?: number; signal?: string },
    context: CallContext,
  ): Promise<boolean>;
  containerRestart(
    id: string,
    options: { timeout?: number; signal?: string },
    context: CallContext,
  ): Promise<void>;
  containerKill(id: string, signal: string, context: CallContext): Promise<void>;
  containerPause(id: string, context: CallContext): Promise<void>;
  containerUnpause(id: string, context: CallContext): Promise<void>;
  /**
   * Resolves once the container is known and the wait is registered, so that a server can flush its
   * headers; `done` resolves when the condition holds.
   */
  containerWait(
    id: string,
    condition: WaitCondition,
    context: CallContext,
  ): Promise<{ done: Promise<ContainerWaited> }>;
  containerRemove(
    id: string,
    options: { force: boolean; volumes: boolean; link: boolean },
    context: CallContext,
  ): Promise<void>;
  containerRename(id: string, name: string, context: CallContext): Promise<void>;
  containerUpdate(
    id: string,
    body: ContainerUpdateBody,
    context: CallContext,
  ): Promise<{ Warnings: string[] }>;
  containerTop(id: string, psArgs: string, context: CallContext): Promise<ContainerTop>;
  containerLogs(id: string, options: LogOptions, context: CallContext): Promise<LogStream>;
  containerAttach(
    id: string,
    options: AttachOptions,
    context: CallContext,
  ): Promise<AttachedStreams>;
  containerResize(id: string, height: number, width: number, context: CallContext): Promise<void>;
  containerStats(
    id: string,
    options: { stream: boolean; oneShot: boolean },
    context: CallContext,
  ): Promise<AsyncIterable<ContainerStats>>;
  containerChanges(id: string, context: CallContext): Promise<ContainerChange[]>;
  containerExport(id: string, context: CallContext): Promise<ByteStream>;
  containerCommit(options: ContainerCommitOptions, context: CallContext): Promise<{ Id: string }>;
  containerPrune(filters: Filters, context: CallContext): Promise<ContainersPruned>;
  containerArchiveStat(id: string, path: string, context: CallContext): Promise<PathStat>;
  containerArchiveGet(
    id: string,
    path: string,
    context: CallContext,
  ): Promise<{ stat: PathStat; tar: ByteStream }>;
  containerArchivePut(
    id: string,
    options: ArchivePut,
    tar: ByteStream,
    context: CallContext,
  ): Promise<void>;

  execCreate(id: string, body: ExecCreateBody, context: CallContext): Promise<{ Id: string }>;
  /**
   * Starts the exec; undefined when detached. A process that cannot be started does not reject:
   * the reason is written to the stream as stderr, the exit code is 126 or 127.
   */
  execStart(
    id: string,
    body: ExecStartBody,
    context: CallContext,
  ): Promise<AttachedStreams | undefined>;
  execResize(id: string, height: number, width: number, context: CallContext): Promise<void>;
  execInspect(id: string, context: CallContext): Promise<ExecInspect>;

  volumeList(filters: Filters, context: CallContext): Promise<VolumeListView>;
  volumeCreate(body: VolumeCreateBody, context: CallContext): Promise<VolumeView>;
  volumeInspect(name: string, context: CallContext): Promise<VolumeView>;
  volumeRemove(name: string, force: boolean, context: CallContext): Promise<void>;
  volumePrune(filters: Filters, context: CallContext): Promise<VolumesPruned>;

  networkList(filters: Filters, context: CallContext): Promise<NetworkView[]>;
  networkInspect(name: string, context: CallContext): Promise<NetworkView>;
  networkCreate(
    body: NetworkCreateBody,
    context: CallContext,
  ): Promise<{ Id: string; Warning: string }>;
  networkConnect(name: string, body: NetworkConnectBody, context: CallContext): Promise<void>;
  networkDisconnect(name: string, body: NetworkDisconnectBody, context: CallContext): Promise<void>;
  networkRemove(name: string, context: CallContext): Promise<void>;
  networkPrune(
    filters: Filters,
    context: CallContext,
  ): Promise<{ NetworksDeleted: string[] | null }>;
}
