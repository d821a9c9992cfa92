import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  SnapshotCommitSchema,
  SnapshotPrepareSchema,
  SnapshotRemoveSchema,
} from "#gen/wire/containerd-api/proto/events/snapshot_pb.ts";
import type { InfoSchema, Snapshots } from "#gen/wire/containerd-api/proto/snapshots_pb.ts";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import { timestampOfUs } from "#lib/rpc/timestamp.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { GarbageScheduler } from "../gc/garbage_scheduler.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import type { LeaseStore } from "../metadata/lease_store.ts";
import { refuse } from "../metadata/refusal.ts";
import {
  SNAPSHOT_KIND,
  type SnapshotKind,
  type SnapshotRecord,
  type SnapshotScope,
  type SnapshotStore,
} from "../metadata/snapshot_store.ts";
import { diskUsage } from "../snapshot/disk_usage.ts";
import type { SnapshotLayout, SnapshotMount } from "../snapshot/snapshot_layout.ts";

/** Records in one message of a list. */
const LIST_BATCH = 100;

export interface SnapshotParts {
  snapshots: SnapshotStore;
  leases: LeaseStore;
  layouts: ReadonlyMap<string, SnapshotLayout>;
  events: EventBus;
  garbage: GarbageScheduler;
}

interface CreateRequest {
  snapshotter: string;
  key: string;
  parent: string;
  labels: Record<string, string>;
}

/** The snapshots service over the metadata and the snapshotters' folders. */
export function snapshotsService(parts: SnapshotParts): ServiceImplementation<typeof Snapshots> {
  const { snapshots, events } = parts;
  return {
    prepare: async (request, context) => {
      const mounts = createSnapshot(parts, request, SNAPSHOT_KIND.active, context);
      const { key, parent, snapshotter } = request;
      events.publish(namespaceOf(context), "/snapshot/prepare", SnapshotPrepareSchema, {
        key,
        parent,
        snapshotter,
      });
      return { mounts };
    },
    view: async (request, context) => ({
      mounts: createSnapshot(parts, request, SNAPSHOT_KIND.view, context),
    }),
    mounts: async ({ snapshotter, key }, context) => {
      const { scope, layout } = open(parts, snapshotter, context);
      const record = snapshots.get(scope, key);
      if (record.kind === SNAPSHOT_KIND.committed) {
        const words = `failed to get active mount: requested snapshot ${key} not active or view`;
        throw refuse("failed_precondition", words);
      }
      return { mounts: mountsOf(parts, layout, record) };
    },
    commit: async ({ snapshotter, name, key, labels }, context) => {
      const { scope } = open(parts, snapshotter, context);
      snapshots.commit(scope, key, name, labels);
      hold(parts, scope, name, context);
      const event = { key, name, snapshotter };
      events.publish(scope.namespace, "/snapshot/commit", SnapshotCommitSchema, event);
      return {};
    },
    remove: async ({ snapshotter, key }, context) => {
      const { scope, layout } = open(parts, snapshotter, context);
      const { number } = snapshots.remove(scope, key);
      layout.discard(number);
      parts.garbage.schedule();
      events.publish(scope.namespace, "/snapshot/remove", SnapshotRemoveSchema, {
        key,
        snapshotter,
      });
      return {};
    },
    stat: async ({ snapshotter, key }, context) => ({
      info: infoOf(snapshots.get(open(parts, snapshotter, context).scope, key)),
    }),
    update: async ({ snapshotter, info, updateMask }, context) => {
      const { scope } = open(parts, snapshotter, context);
      if (!info) throw refuse("invalid_argument", "info must be set");
      const mask = updateMask?.paths ?? [];
      return { info: infoOf(snapshots.update(scope, info.name, info.labels, mask)) };
    },
    list: async function* ({ snapshotter, filters }, context) {
      const found = snapshots.list(open(parts, snapshotter, context).scope, filters);
      for (let at = 0; at < found.length; at += LIST_BATCH) {
        yield { info: found.slice(at, at + LIST_BATCH).map(infoOf) };
      }
    },
    usage: ({ snapshotter, key }, context) => usageOf(parts, snapshotter, key, context),
    cleanup: async ({ snapshotter }, context) => {
      const { layout } = open(parts, snapshotter, context);
      await layout.sweep(() => snapshots.numbers(layout.name));
      return {};
    },
  };
}

async function usageOf(
  parts: SnapshotParts,
  snapshotter: string,
  key: string,
  context: CallContext,
) {
  const { scope, layout } = open(parts, snapshotter, context);
  const { number, kind } = parts.snapshots.get(scope, key);
  // A view has nothing of its own: genuine containerd does not look.
  if (kind === SNAPSHOT_KIND.view) return { size: 0n, inodes: 0n };
  let usage = parts.snapshots.usage(number);
  if (!usage) {
    usage = await diskUsage(layout.ownFolder(number));
    parts.snapshots.recordUsage(number, usage);
  }
  return { size: BigInt(usage.size), inodes: BigInt(usage.inodes) };
}

function open(parts: SnapshotParts, snapshotter: string, context: CallContext) {
  const namespace = namespaceOf(context);
  if (snapshotter === "") {
    throw refuse("invalid_argument", "snapshotter argument missing");
  }
  const layout = parts.layouts.get(snapshotter);
  if (!layout) {
    const names = [...parts.layouts.keys()].join(", ");
    const fix = `use one of the snapshotters ${names}`;
    throw refuse("invalid_argument", `snapshotter not loaded: ${snapshotter}`, { fix });
  }
  const scope: SnapshotScope = { namespace, snapshotter };
  return { scope, layout };
}

function createSnapshot(
  parts: SnapshotParts,
  request: CreateRequest,
  kind: SnapshotKind,
  context: CallContext,
): SnapshotMount[] {
  const { key, parent, labels } = request;
  const { scope, layout } = open(parts, request.snapshotter, context);
  let placed: number | undefined;
  try {
    const record = parts.snapshots.create(scope, { key, parent, kind, labels }, (number, below) => {
      layout.place(number, kind, below);
      placed = number;
      hold(parts, scope, key, context);
    });
    return mountsOf(parts, layout, record);
  } catch (error) {
    // Its lease may just have ended, or the disk be full: the record is undone, the folder is not.
    if (placed !== undefined) {
      layout.discard(placed);
      parts.garbage.schedule();
    }
    throw error;
  }
}

function hold(parts: SnapshotParts, scope: SnapshotScope, key: string, context: CallContext): void {
  parts.leases.hold(scope.namespace, context.lease, {
    type: `snapshots/${scope.snapshotter}`,
    id: key,
  });
}

function mountsOf(
  { snapshots }: SnapshotParts,
  layout: SnapshotLayout,
  { number, kind }: SnapshotRecord,
): SnapshotMount[] {
  return layout.mounts(number, kind, snapshots.parents(number));
}

function infoOf(record: SnapshotRecord): MessageInitShape<typeof InfoSchema> {
  return {
    name: record.key,
    parent: record.parent,
    kind: record.kind as number,
    createdAt: timestampOfUs(record.createdUs),
    updatedAt: timestampOfUs(record.updatedUs),
    labels: record.labels,
  };
}
