import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { PrepareSnapshotRequestSchema } from "#gen/wire/containerd-api/proto/snapshots_pb.ts";
import { EventBus } from "../events/event_bus.ts";
import type { GarbageScheduler } from "../gc/garbage_scheduler.ts";
import { openDatabase } from "../metadata/database.ts";
import { LeaseStore } from "../metadata/lease_store.ts";
import { SnapshotStore } from "../metadata/snapshot_store.ts";
import { NativeLayout } from "../snapshot/native_layout.ts";
import { snapshotsService } from "./snapshots_service.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "snapshots-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

test("a snapshot whose lease is gone leaves no folder", async () => {
  const database = openDatabase(join(root, "meta.db"));
  const layout = new NativeLayout(join(root, "native"));
  let collections = 0;
  const service = snapshotsService({
    snapshots: new SnapshotStore(database),
    leases: new LeaseStore(database),
    layouts: new Map([[layout.name, layout]]),
    events: new EventBus(),
    garbage: { schedule: () => collections++ } as unknown as GarbageScheduler,
  });
  const request = create(PrepareSnapshotRequestSchema, { snapshotter: layout.name, key: "one" });
  const context = { namespace: "n", lease: "gone" };
  await expect(service.prepare(request, context)).rejects.toThrow("lease does not exist");
  expect(collections).toBe(1);
  await layout.sweep(() => new Set());
  expect(readdirSync(join(root, "native", "snapshots"))).toEqual([]);
  await service.prepare(request, { namespace: "n" });
  expect(readdirSync(join(root, "native", "snapshots"))).toHaveLength(1);
  database.close();
});
