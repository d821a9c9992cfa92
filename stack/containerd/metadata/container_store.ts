import type { Database } from "bun:sqlite";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Container, ContainerSchema } from "#gen/wire/containerd-api/proto/containers_pb.ts";
import { currentTimestamp } from "#lib/rpc/timestamp.ts";
import { compileFilters, filled, mapField } from "../filter/filter_match.ts";
import { checkIdentifier } from "./identifier.ts";
import { checkLabels, encodeLabels, maskLabels } from "./labels.ts";
import { ensureNamespace } from "./namespace_store.ts";
import { refuse } from "./refusal.ts";

interface Row {
  record: Uint8Array;
}

/** Fields that an update without a mask carries over: all that may change. */
const UPDATE_ALL = ["labels", "spec", "extensions", "image", "snapshotkey"];

/** The records of containers. */
export class ContainerStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(namespace: string, id: string): Container {
    const found = this.#find(namespace, id);
    if (!found) {
      const where = `container ${JSON.stringify(id)} in namespace ${JSON.stringify(namespace)}`;
      throw refuse("not_found", where);
    }
    return found;
  }

  list(namespace: string, filters: readonly string[]): Container[] {
    const passes = compileFilters(filters);
    const rows = this.#database
      .query<Row, [string]>("SELECT record FROM containers WHERE namespace = ? ORDER BY id")
      .all(namespace);
    return rows
      .map(({ record }) => fromBinary(ContainerSchema, record))
      .filter((container) => passes((path) => containerField(container, path)));
  }

  create(namespace: string, given: Container): Container {
    checkContainer(given, "create container failed validation");
    const now = currentTimestamp();
    const container = create(ContainerSchema, { ...given, createdAt: now, updatedAt: now });
    this.#database.transaction(() => {
      ensureNamespace(this.#database, namespace);
      if (this.#find(namespace, container.id)) {
        throw refuse("already_exists", `container ${JSON.stringify(container.id)}`);
      }
      this.#put(namespace, container);
    })();
    return container;
  }

  update(namespace: string, given: Container, mask: readonly string[]): Container {
    if (given.id === "") throw refuse("invalid_argument", "must specify a container id");
    return this.#database.transaction(() => {
      const current = this.#find(namespace, given.id);
      if (!current) throw refuse("not_found", `container ${JSON.stringify(given.id)}`);
      const updated = applyMask(current, given, mask);
      checkContainer(updated, "update failed validation");
      updated.updatedAt = currentTimestamp();
      this.#put(namespace, updated);
      return updated;
    })();
  }

  delete(namespace: string, id: string): void {
    const { changes } = this.#database.run(
      "DELETE FROM containers WHERE namespace = ? AND id = ?",
      [namespace, id],
    );
    if (changes === 0) throw refuse("not_found", `container ${id}`);
  }

  #find(namespace: string, id: string): Container | undefined {
    const row = this.#database
      .query<Row, [string, string]>("SELECT record FROM containers WHERE namespace = ? AND id = ?")
      .get(namespace, id);
    return row ? fromBinary(ContainerSchema, row.record) : undefined;
  }

  #put(namespace: string, container: Container): void {
    this.#database
      .query("INSERT OR REPLACE INTO containers VALUES (?, ?, ?, ?, ?, ?)")
      .run(
        namespace,
        container.id,
        toBinary(ContainerSchema, container),
        encodeLabels(container.labels),
        container.snapshotter,
        container.snapshotKey,
      );
  }
}

function applyMask(current: Container, given: Container, mask: readonly string[]): Container {
  const updated = create(ContainerSchema, { ...current });
  if (mask.length === 0) {
    if (given.snapshotter !== current.snapshotter) {
      throw refuse("invalid_argument", "container.Snapshotter field is immutable");
    }
    if (given.runtime?.name !== current.runtime?.name) {
      throw refuse("invalid_argument", "container.Runtime.Name field is immutable");
    }
  }
  for (const path of mask.length > 0 ? mask : UPDATE_ALL) applyPath(updated, given, path);
  return updated;
}

function applyPath(updated: Container, given: Container, path: string): void {
  const labels = maskLabels(updated.labels, given.labels, path);
  if (labels) {
    updated.labels = labels;
    return;
  }
  if (path.startsWith("extensions.")) {
    const key = path.slice("extensions.".length);
    const value = given.extensions[key];
    if (value) updated.extensions = { ...updated.extensions, [key]: value };
    return;
  }
  switch (path) {
    case "spec":
      if (given.spec) updated.spec = given.spec;
      return;
    case "extensions":
      updated.extensions = given.extensions;
      return;
    case "image":
      updated.image = given.image;
      return;
    case "snapshotkey":
    case "snapshot_key":
      updated.snapshotKey = given.snapshotKey;
      return;
    default: {
      const where = `${JSON.stringify(path)} field on ${JSON.stringify(given.id)}`;
      throw refuse("invalid_argument", `cannot update ${where}`);
    }
  }
}

function checkContainer(container: Container, what: string): void {
  checkIdentifier(container.id, `${what}: container.ID`);
  if ("" in container.extensions) {
    throw refuse("invalid_argument", `${what}: container.Extension keys must not be zero-length`);
  }
  checkLabels(`${what}: containers.Labels`, container.labels);
  if (!container.runtime?.name) {
    throw refuse("invalid_argument", `${what}: container.Runtime.Name must be set`);
  }
  if (!container.spec) throw refuse("invalid_argument", `${what}: container.Spec must be set`);
  if (container.snapshotKey !== "" && container.snapshotter === "") {
    const rule = "container.Snapshotter must be set if container.SnapshotKey is set";
    throw refuse("invalid_argument", `${what}: ${rule}`);
  }
}

function containerField(container: Container, path: readonly string[]): string | undefined {
  switch (path[0]) {
    case "id":
      return filled(container.id);
    case "runtime":
      return path[1] === "name" ? filled(container.runtime?.name) : undefined;
    case "image":
      return filled(container.image);
    case "labels":
      return mapField(container.labels, path);
    default:
      return undefined;
  }
}
