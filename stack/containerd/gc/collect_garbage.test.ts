import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ContainerSchema } from "#gen/wire/containerd-api/proto/containers_pb.ts";
import { ImageSchema } from "#gen/wire/containerd-api/proto/images_pb.ts";
import { ContentFolder } from "../content/content_folder.ts";
import { BlobStore } from "../metadata/blob_store.ts";
import { ContainerStore } from "../metadata/container_store.ts";
import { openDatabase } from "../metadata/database.ts";
import { ImageStore } from "../metadata/image_store.ts";
import { LeaseStore } from "../metadata/lease_store.ts";
import { SNAPSHOT_KIND, SnapshotStore } from "../metadata/snapshot_store.ts";
import { OverlayfsLayout } from "../snapshot/overlayfs_layout.ts";
import {
  type Collectable,
  collectGarbage,
  sweepOrphans,
  sweepSnapshots,
} from "./collect_garbage.ts";

let root: string;
let parts: Collectable;
const SCOPE = { namespace: "n", snapshotter: "overlayfs" };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gc-"));
  const database = openDatabase(join(root, "meta.db"));
  parts = {
    database,
    content: new ContentFolder(join(root, "content")),
    blobs: new BlobStore(database),
    snapshots: new SnapshotStore(database),
    layouts: new Map([["overlayfs", new OverlayfsLayout(join(root, "overlayfs"))]]),
    locked: new Set(),
  };
});

afterEach(() => {
  parts.database.close();
  rmSync(root, { recursive: true, force: true });
});

const digest = (n: number) => `sha256:${String(n).padStart(64, "0")}`;

function blob(n: number, labels: Record<string, string> = {}, namespace = "n"): string {
  const path = parts.content.blobPath({ algorithm: "sha256", hex: digest(n).slice(7) });
  writeFileSync(path, "x");
  parts.blobs.add(namespace, digest(n), 1, labels);
  return digest(n);
}

function snapshot(key: string, parent = "", labels: Record<string, string> = {}): void {
  const layout = parts.layouts.get("overlayfs")!;
  const given = { key: `${key}-active`, parent, kind: SNAPSHOT_KIND.active, labels: {} };
  parts.snapshots.create(SCOPE, given, (number, below) => {
    layout.place(number, SNAPSHOT_KIND.active, below);
  });
  parts.snapshots.commit(SCOPE, `${key}-active`, key, labels);
}

const kept = () => ({
  blobs: parts.blobs.list("n", []).map((b) => Number(b.digest.slice(7))),
  snapshots: parts.snapshots.list(SCOPE, []).map((s) => s.key),
});

test("what an image reaches stays, over labels and parents", async () => {
  snapshot("base");
  snapshot("top", "base");
  snapshot("stray", "base");
  blob(1, {
    "containerd.io/gc.ref.content.config": digest(2),
    "containerd.io/gc.ref.content": digest(3),
  });
  blob(2, { "containerd.io/gc.ref.snapshot.overlayfs/init": "top" });
  blob(3);
  blob(4);
  blob(5, { "containerd.io/gc.ref.contentious": digest(4) });
  blob(6, { "containerd.io/gc.root": "2020-01-01T00:00:00Z" });
  const target = { mediaType: "m", digest: digest(1), size: 1n };
  new ImageStore(parts.database).create("n", create(ImageSchema, { name: "i", target }));
  collectGarbage(parts, Date.now());
  await sweepSnapshots(parts);
  expect(kept()).toEqual({ blobs: [1, 2, 3, 6], snapshots: ["base", "top"] });
  expect(parts.content.blobSize(digest(4))).toBeUndefined();
  expect(existsSync(join(root, "overlayfs", "snapshots", "3"))).toBe(false);
  expect(existsSync(join(root, "overlayfs", "snapshots", "2"))).toBe(true);
  new ImageStore(parts.database).delete("n", "i");
  collectGarbage(parts, Date.now());
  expect(kept()).toEqual({ blobs: [6], snapshots: [] });
});

test("leases keep what they hold until they expire", () => {
  const leases = new LeaseStore(parts.database);
  leases.create("n", "l", { "containerd.io/gc.expire": new Date(5000).toISOString() });
  leases.create("n", "flat", { "containerd.io/gc.flat": "x" });
  blob(1, { "containerd.io/gc.ref.content": digest(2) });
  blob(2);
  blob(3, { "containerd.io/gc.ref.content": digest(4) });
  blob(4);
  leases.addResource("n", "l", { type: "content", id: digest(1) });
  leases.addResource("n", "flat", { type: "content", id: digest(3) });
  collectGarbage(parts, 4000);
  expect(kept().blobs).toEqual([1, 2, 3]);
  collectGarbage(parts, 6000);
  expect(kept().blobs).toEqual([3]);
  expect(leases.list("n", []).map((lease) => lease.id)).toEqual(["flat"]);
});

test("a container keeps its snapshot", () => {
  snapshot("base");
  const container = create(ContainerSchema, {
    id: "c",
    runtime: { name: "r" },
    spec: { typeUrl: "x", value: new Uint8Array() },
    snapshotter: "overlayfs",
    snapshotKey: "base",
  });
  const containers = new ContainerStore(parts.database);
  containers.create("n", container);
  collectGarbage(parts, Date.now());
  expect(kept().snapshots).toEqual(["base"]);
  containers.delete("n", "c");
  collectGarbage(parts, Date.now());
  expect(kept().snapshots).toEqual([]);
});

test("bytes stay while any namespace has the blob", () => {
  blob(1);
  parts.blobs.add("other", digest(1), 1, { "containerd.io/gc.root": "x" });
  collectGarbage(parts, Date.now());
  expect(kept().blobs).toEqual([]);
  expect(parts.content.blobSize(digest(1))).toBe(1);
});

test("deleted bytes go with the next collection, unless a writer stands on them", () => {
  const path = (n: number) =>
    parts.content.blobPath({ algorithm: "sha256", hex: digest(n).slice(7) });
  for (const n of [1, 2]) {
    blob(n);
    parts.blobs.delete("n", digest(n));
  }
  const row = ["m", "ref", "folder", digest(2), 1, 0, (Date.now() + 60_000) * 1000];
  parts.database.run("INSERT INTO ingests VALUES (?, ?, ?, ?, ?, ?, ?)", row);
  collectGarbage(parts, Date.now());
  expect([existsSync(path(1)), existsSync(path(2))]).toEqual([false, true]);
  parts.database.run("DELETE FROM ingests");
  collectGarbage(parts, Date.now());
  expect(existsSync(path(2))).toBe(false);
});

test("references in circles come to an end", () => {
  blob(1, { "containerd.io/gc.ref.content": digest(2), "containerd.io/gc.root": "x" });
  blob(2, { "containerd.io/gc.ref.content": digest(1) });
  collectGarbage(parts, Date.now());
  expect(kept().blobs).toEqual([1, 2]);
});

test("files without metadata are swept at the start", () => {
  const stray = parts.content.blobPath({ algorithm: "sha256", hex: digest(9).slice(7) });
  writeFileSync(stray, "x");
  blob(1);
  sweepOrphans(parts);
  expect(existsSync(stray)).toBe(false);
  expect(parts.content.blobSize(digest(1))).toBe(1);
});
