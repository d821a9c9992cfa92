import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ContainerSchema } from "#gen/wire/containerd-api/proto/containers_pb.ts";
import { ImageSchema } from "#gen/wire/containerd-api/proto/images_pb.ts";
import { ContainerStore } from "./container_store.ts";
import { openDatabase } from "./database.ts";
import { ImageStore } from "./image_store.ts";
import { LeaseStore } from "./lease_store.ts";
import { NamespaceStore } from "./namespace_store.ts";
import { SNAPSHOT_KIND, SnapshotStore } from "./snapshot_store.ts";

let root: string;
let database: Database;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "stores-"));
  database = openDatabase(join(root, "meta.db"));
});

afterEach(() => {
  database.close();
  rmSync(root, { recursive: true, force: true });
});

const SPEC = { typeUrl: "x", value: new Uint8Array([1]) };

type ContainerInit = Extract<MessageInitShape<typeof ContainerSchema>, { $typeName?: never }>;

function container(init: ContainerInit) {
  return create(ContainerSchema, { runtime: { name: "r" }, spec: SPEC, ...init });
}

test("containers are kept apart by namespace and survive a reopening", () => {
  new ContainerStore(database).create("a", container({ id: "c", labels: { x: "1" } }));
  database.close();
  database = openDatabase(join(root, "meta.db"));
  const containers = new ContainerStore(database);
  expect(containers.get("a", "c").labels).toEqual({ x: "1" });
  expect(() => containers.get("b", "c")).toThrow('container "c" in namespace "b": not found');
  expect(containers.list("a", ["labels.x==1"])).toHaveLength(1);
  expect(containers.list("a", ["labels.x==2"])).toHaveLength(0);
  expect(() => containers.create("a", container({ id: "c" }))).toThrow(
    'container "c": already exists',
  );
});

test("a container's update follows its mask", () => {
  const containers = new ContainerStore(database);
  containers.create("a", container({ id: "c", image: "i", labels: { x: "1", y: "2" } }));
  const next = container({ id: "c", image: "j", labels: { x: "", z: "3" } });
  let updated = containers.update("a", next, ["labels.x", "labels.z"]);
  expect(updated).toMatchObject({ image: "i", labels: { y: "2", z: "3" } });
  updated = containers.update("a", next, ["image"]);
  expect(updated).toMatchObject({ image: "j", labels: { y: "2", z: "3" } });
  expect(() => containers.update("a", next, ["runtime"])).toThrow(
    'cannot update "runtime" field on "c": invalid argument',
  );
  expect(() => containers.update("a", container({ id: "c", runtime: { name: "s" } }), [])).toThrow(
    "container.Runtime.Name field is immutable",
  );
});

test.each([
  [{ id: "" }, "identifier must not be empty"],
  [{ id: "a/b" }, "must match"],
  [{ id: "../x" }, "must match"],
  [{ id: "x".repeat(77) }, "greater than maximum length (76 characters)"],
  [{ id: "c", runtime: { name: "" } }, "container.Runtime.Name must be set"],
  [{ id: "c", snapshotKey: "k" }, "container.Snapshotter must be set"],
  [{ id: "c", labels: { k: "v".repeat(4096) } }, "greater than maximum size (4096 bytes)"],
])("container %p is refused", (init, words) => {
  expect(() => new ContainerStore(database).create("a", container(init))).toThrow(words);
});

test("images are replaced, masked and guarded by their target", () => {
  const images = new ImageStore(database);
  const digest = `sha256:${"1".repeat(64)}`;
  const target = { mediaType: "m", digest, size: 5n };
  const image = (init: MessageInitShape<typeof ImageSchema>) => create(ImageSchema, init);
  expect(() => images.create("a", image({ name: "i" }))).toThrow("Target.Digest");
  images.create("a", image({ name: "i", target, labels: { x: "1" } }));
  const other = { ...target, digest: `sha256:${"2".repeat(64)}` };
  images.update("a", image({ name: "i", target: other }), ["target"]);
  expect(images.get("a", "i")).toMatchObject({ labels: { x: "1" }, target: other });
  expect(images.list("a", [`target.digest==${other.digest}`])).toHaveLength(1);
  expect(() => images.delete("a", "i", digest)).toThrow("target changed");
  images.delete("a", "i", other.digest);
  expect(() => images.delete("a", "i")).toThrow('image "i": not found');
});

test("a namespace is deleted only when it is empty", () => {
  const namespaces = new NamespaceStore(database);
  expect(namespaces.get("nobody")).toEqual({ name: "nobody", labels: {} });
  namespaces.create("a", { x: "1" });
  expect(() => namespaces.create("a", {})).toThrow('namespace "a": already exists');
  new ContainerStore(database).create("a", container({ id: "c" }));
  expect(() => namespaces.delete("a")).toThrow(
    'namespace "a" must be empty, but it still has containers: failed precondition',
  );
  new ContainerStore(database).delete("a", "c");
  new LeaseStore(database).create("a", "l", {});
  namespaces.delete("a");
  expect(namespaces.list()).toEqual([]);
});

test("snapshots form chains that refuse what would break them", () => {
  const snapshots = new SnapshotStore(database);
  const scope = { namespace: "a", snapshotter: "s" };
  const placed: (number | undefined)[] = [];
  const make = (key: string, parent: string, kind: 1 | 2 = SNAPSHOT_KIND.active) =>
    snapshots.create(scope, { key, parent, kind, labels: {} }, (_, below) => placed.push(below));
  const first = make("x", "");
  expect(() => make("y", "x")).toThrow('parent "x" is not committed snapshot');
  snapshots.commit(scope, "x", "base", {});
  const second = make("y", "base");
  expect(placed).toEqual([undefined, first.number]);
  expect(snapshots.parents(second.number)).toEqual([first.number]);
  expect(() => make("y", "base")).toThrow('snapshot "y": already exists');
  expect(() => make("z", "none")).toThrow("parent snapshot none does not exist: not found");
  expect(() => snapshots.remove(scope, "base")).toThrow("cannot remove snapshot with child");
  make("v", "base", SNAPSHOT_KIND.view);
  expect(() => snapshots.commit(scope, "v", "w", {})).toThrow('snapshot "v" is not active');
  expect(snapshots.list(scope, ["kind==committed"]).map((s) => s.key)).toEqual(["base"]);
  expect(snapshots.list({ ...scope, namespace: "b" }, [])).toEqual([]);
});

test("a snapshot whose folder cannot be made does not exist", () => {
  const snapshots = new SnapshotStore(database);
  const scope = { namespace: "a", snapshotter: "s" };
  const given = { key: "k", parent: "", kind: SNAPSHOT_KIND.active, labels: {} };
  expect(() =>
    snapshots.create(scope, given, () => {
      throw new Error("disk full");
    }),
  ).toThrow("disk full");
  expect(snapshots.list(scope, [])).toEqual([]);
});

test("lease resources are checked", () => {
  const leases = new LeaseStore(database);
  leases.create("a", "l", {});
  expect(() => leases.addResource("a", "l", { type: "content", id: "x" })).toThrow(
    "invalid content resource id",
  );
  expect(() => leases.addResource("a", "l", { type: "pods", id: "x" })).toThrow("not supported");
  expect(() => leases.addResource("a", "m", { type: "ingests", id: "x" })).toThrow(
    'lease "m": not found',
  );
  leases.addResource("a", "l", { type: "snapshots/overlayfs", id: "x" });
  expect(leases.resources("a", "l")).toEqual([{ type: "snapshots/overlayfs", id: "x" }]);
});
