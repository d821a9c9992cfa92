import { join } from "node:path";
import type { DaemonPart } from "./server/introspection_service.ts";
import type { SnapshotLayout } from "./snapshot/snapshot_layout.ts";

const GRPC = "io.containerd.grpc.v1";
const SERVICE = "io.containerd.service.v1";
/** Names of the gRPC services, as genuine containerd's plugins are called. */
const SERVICES = [
  "containers",
  "content",
  "diff",
  "events",
  "images",
  "introspection",
  "leases",
  "namespaces",
  "sandboxes",
  "snapshots",
  "streaming",
  "tasks",
  "transfer",
  "version",
];

/** What this daemon is made of, for introspection. */
export function daemonParts(
  root: string,
  layouts: ReadonlyMap<string, SnapshotLayout>,
): DaemonPart[] {
  const snapshotters = [...layouts.values()].map(
    (layout): DaemonPart => ({
      type: "io.containerd.snapshotter.v1",
      id: layout.name,
      exports: { root: join(root, `io.containerd.snapshotter.v1.${layout.name}`) },
      refusal: layout.refusal,
    }),
  );
  return [
    {
      type: "io.containerd.content.v1",
      id: "content",
      exports: { root: join(root, "io.containerd.content.v1.content") },
    },
    ...snapshotters,
    {
      type: "io.containerd.metadata.v1",
      id: "sqlite",
      requires: ["io.containerd.content.v1", "io.containerd.snapshotter.v1"],
      exports: { path: join(root, "io.containerd.metadata.v1.sqlite", "meta.db") },
    },
    { type: "io.containerd.differ.v1", id: "walking", requires: ["io.containerd.metadata.v1"] },
    { type: "io.containerd.gc.v1", id: "scheduler", requires: ["io.containerd.metadata.v1"] },
    { type: "io.containerd.event.v1", id: "exchange" },
    { type: "io.containerd.runtime.v2", id: "task", requires: ["io.containerd.metadata.v1"] },
    ...SERVICES.map((id): DaemonPart => ({ type: GRPC, id, requires: [SERVICE] })),
  ];
}
