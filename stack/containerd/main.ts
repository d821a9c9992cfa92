import type { Database } from "bun:sqlite";
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Log } from "#lib/log/log.ts";
import { localClient } from "#lib/rpc/local_client.ts";
import { tracedService } from "#lib/rpc/traced_service.ts";
import type { SpanSink } from "#lib/trace/tracer.ts";
import { Tracer } from "#lib/trace/tracer.ts";
import {
  CONTAINERD_SERVICES,
  type ContainerdImplementation,
} from "#wire/containerd-api/services.ts";
import { ContentFolder } from "./content/content_folder.ts";
import type { ContentStores } from "./content/content_writer.ts";
import { IngestStore } from "./content/ingest_store.ts";
import { daemonParts } from "./daemon_parts.ts";
import { EventBus } from "./events/event_bus.ts";
import { type Collectable, sweepOrphans } from "./gc/collect_garbage.ts";
import { GarbageScheduler } from "./gc/garbage_scheduler.ts";
import { BlobStore } from "./metadata/blob_store.ts";
import { ContainerStore } from "./metadata/container_store.ts";
import { openDatabase } from "./metadata/database.ts";
import { ImageStore } from "./metadata/image_store.ts";
import { LeaseStore } from "./metadata/lease_store.ts";
import { NamespaceStore } from "./metadata/namespace_store.ts";
import { SandboxStore } from "./metadata/sandbox_store.ts";
import { SnapshotStore } from "./metadata/snapshot_store.ts";
import { SpaceReserve } from "./metadata/space_reserve.ts";
import { receiveEvents } from "./runtime/event_receiver.ts";
import { reviveTasks } from "./runtime/lost_shim.ts";
import { ShimLogs } from "./runtime/shim_log.ts";
import { ShimSupervisor } from "./runtime/shim_supervisor.ts";
import { recoverTasks } from "./runtime/task_recovery.ts";
import { containersService } from "./server/containers_service.ts";
import { contentService } from "./server/content_service.ts";
import { diffService } from "./server/diff_service.ts";
import { eventsService } from "./server/events_service.ts";
import { onFullDisk } from "./server/full_disk.ts";
import { imagesService } from "./server/images_service.ts";
import { introspectionService } from "./server/introspection_service.ts";
import { leasesService } from "./server/leases_service.ts";
import { namespacesService } from "./server/namespaces_service.ts";
import { sandboxesService } from "./server/sandboxes_service.ts";
import { snapshotsService } from "./server/snapshots_service.ts";
import { streamingService } from "./server/streaming_service.ts";
import { tasksService } from "./server/tasks_service.ts";
import { transferService } from "./server/transfer_service.ts";
import { versionService } from "./server/version_service.ts";
import { NativeLayout } from "./snapshot/native_layout.ts";
import { OverlayfsLayout } from "./snapshot/overlayfs_layout.ts";
import type { SnapshotLayout } from "./snapshot/snapshot_layout.ts";
import { ClientStreams } from "./transfer/client_stream.ts";
import type { TransferServices } from "./transfer/transfer_parts.ts";

/** Clients come back within seconds of a restart; gRPC waits for up to 20 between attempts. */
const REPLAY_MS = 30_000;

export interface ContainerdOptions {
  /** What stays over a reboot: content, snapshots, metadata. */
  root: string;
  /** What does not: bundles and sockets. */
  state: string;
  /** The gRPC socket that shims are told; the ttrpc socket for events is this with `.ttrpc`. */
  address: string;
  log?: Log;
  /** Shims are started with -debug. */
  debug?: boolean;
  /** Takes the spans of every call. */
  traces?: SpanSink;
}

export interface Containerd {
  services: ContainerdImplementation;
  /** Stops serving shims and closes the store. Containers and shims live on. */
  close(): Promise<void>;
}

/**
 * Builds a containerd: opens its store, finds the tasks that outlived the last daemon, and receives
 * the events of shims. It serves no gRPC itself: see wire/containerd-api/server.ts.
 */
export async function createContainerd(options: ContainerdOptions): Promise<Containerd> {
  const { root, state } = options;
  const log = options.log ?? new Log("containerd");
  mkdirSync(root, { recursive: true, mode: 0o711 });
  mkdirSync(state, { recursive: true, mode: 0o711 });
  const metadata = join(root, "io.containerd.metadata.v1.sqlite");
  const database = openDatabase(join(metadata, "meta.db"));
  const reserve = new SpaceReserve(metadata);
  const stores = contentStores(database, root, reserve);
  const snapshots = new SnapshotStore(database);
  const layouts = snapshotLayouts(root);
  const collectable: Collectable = { ...stores, snapshots, layouts };
  sweepOrphans(collectable);
  const garbage = new GarbageScheduler(collectable, log, reserve);
  const events = new EventBus(REPLAY_MS);
  const containers = new ContainerStore(database);
  const shims = await startShimSide(options, log, events, containers);
  garbage.schedule();
  const parts = { events, garbage, containers, snapshots, layouts, ...stores };
  const streams = new ClientStreams();
  const stored = {
    content: contentService(stores, events, garbage),
    diff: diffService(stores),
    images: imagesService({ images: new ImageStore(database), events, garbage }),
    leases: leasesService(stores.leases, garbage),
    snapshots: snapshotsService(parts),
  };
  const services: ContainerdImplementation = {
    ...stored,
    containers: containersService(parts),
    events: eventsService(events),
    introspection: introspectionService(daemonParts(root, layouts), daemonUuid(root)),
    namespaces: namespacesService(new NamespaceStore(database), events),
    sandboxStore: sandboxesService(new SandboxStore(database)),
    streaming: streamingService(streams),
    tasks: tasksService({ containers, supervisor: shims.supervisor }),
    transfer: transferService(localServices(stored), streams),
    version: versionService(),
  };
  return {
    services: guarded(services, new Tracer("containerd", options.traces), reserve),
    close: async () => {
      shims.close();
      events.close();
      await garbage.close();
      database.close();
    },
  };
}

/** The services that a transfer calls, as their client. */
function localServices(
  stored: Pick<ContainerdImplementation, keyof TransferServices>,
): TransferServices {
  return {
    content: localClient(CONTAINERD_SERVICES.content, stored.content),
    diff: localClient(CONTAINERD_SERVICES.diff, stored.diff),
    images: localClient(CONTAINERD_SERVICES.images, stored.images),
    leases: localClient(CONTAINERD_SERVICES.leases, stored.leases),
    snapshots: localClient(CONTAINERD_SERVICES.snapshots, stored.snapshots),
  };
}

function contentStores(database: Database, root: string, reserve: SpaceReserve): ContentStores {
  const content = new ContentFolder(join(root, "io.containerd.content.v1.content"));
  const leases = new LeaseStore(database);
  return {
    database,
    content,
    leases,
    blobs: new BlobStore(database),
    ingests: new IngestStore(database, content, leases),
    locked: new Set(),
    checkRoom: () => reserve.check(),
  };
}

function snapshotLayouts(root: string): ReadonlyMap<string, SnapshotLayout> {
  const layouts = [
    new OverlayfsLayout(join(root, "io.containerd.snapshotter.v1.overlayfs")),
    new NativeLayout(join(root, "io.containerd.snapshotter.v1.native")),
  ];
  return new Map(layouts.map((layout) => [layout.name, layout]));
}

async function startShimSide(
  options: ContainerdOptions,
  log: Log,
  events: EventBus,
  containers: ContainerStore,
) {
  const { root, state, address } = options;
  const addresses = { grpc: address, ttrpc: `${address}.ttrpc` };
  const folder = "io.containerd.runtime.v2.task";
  const roots = { state: join(state, folder), root: join(root, folder) };
  const logs = new ShimLogs(log);
  const supervisor = new ShimSupervisor({
    roots,
    addresses,
    logs,
    log,
    debug: options.debug ?? false,
    lost: (tasks) => {
      reviveTasks(parts, tasks).catch((error) => {
        log.error("look for lost shim", { error: String(error) });
      });
    },
  });
  const parts = { supervisor, addresses, events, logs, log, roots, containers };
  const receiver = await receiveEvents(addresses.ttrpc, events, supervisor.tasks);
  await recoverTasks(parts);
  return {
    supervisor,
    close: (): void => {
      receiver.stop(true);
      supervisor.close();
      logs.closeAll();
    },
  };
}

/** Each service with a span around its calls, and prepared for a full disk. */
function guarded(
  services: ContainerdImplementation,
  tracer: Tracer,
  reserve: SpaceReserve,
): ContainerdImplementation {
  const out: Record<string, unknown> = {};
  for (const [name, service] of Object.entries(CONTAINERD_SERVICES)) {
    const implementation = services[name as keyof ContainerdImplementation];
    const prepared = onFullDisk(service, implementation as never, reserve);
    out[name] = tracedService(service, prepared, tracer);
  }
  return out as ContainerdImplementation;
}

/** The daemon's identity, made at its first start. */
function daemonUuid(root: string): string {
  const folder = join(root, "io.containerd.grpc.v1.introspection");
  const path = join(folder, "uuid");
  try {
    const known = readFileSync(path, "utf8").trim();
    if (known !== "") return known;
  } catch {
    // The first start.
  }
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const uuid = randomUUID();
  writeFileSync(path, uuid, { mode: 0o600 });
  return uuid;
}
