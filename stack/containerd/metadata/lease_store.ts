import type { Database } from "bun:sqlite";
import { wallClockUs } from "#lib/linux/wall_clock.ts";
import { compileFilters, filled, mapField } from "../filter/filter_match.ts";
import { parseDigest } from "./digest.ts";
import { checkLabels, decodeLabels, encodeLabels, type Labels } from "./labels.ts";
import { ensureNamespace } from "./namespace_store.ts";
import { refuse } from "./refusal.ts";

export interface LeaseRecord {
  id: string;
  labels: Labels;
  createdUs: number;
}

export interface LeaseResource {
  /** "content", "ingests" or "snapshots/<snapshotter>". */
  type: string;
  id: string;
}

interface Row {
  id: string;
  labels: string;
  created_us: number;
}

/** What clients protect from garbage collection while they work. */
export class LeaseStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  list(namespace: string, filters: readonly string[]): LeaseRecord[] {
    const passes = compileFilters(filters);
    return this.#database
      .query<Row, [string]>("SELECT * FROM leases WHERE namespace = ? ORDER BY id")
      .all(namespace)
      .map((row) => ({
        id: row.id,
        labels: decodeLabels(row.labels),
        createdUs: row.created_us,
      }))
      .filter((lease) => passes((path) => leaseField(lease, path)));
  }

  create(namespace: string, id: string, labels: Labels): LeaseRecord {
    if (id === "") throw refuse("invalid_argument", "lease id must not be empty");
    checkLabels("lease.Labels", labels);
    const createdUs = wallClockUs();
    this.#database.transaction(() => {
      ensureNamespace(this.#database, namespace);
      const { changes } = this.#database.run("INSERT OR IGNORE INTO leases VALUES (?, ?, ?, ?)", [
        namespace,
        id,
        encodeLabels(labels),
        createdUs,
      ]);
      if (changes === 0) throw refuse("already_exists", `lease ${JSON.stringify(id)}`);
    })();
    return { id, labels, createdUs };
  }

  delete(namespace: string, id: string): void {
    this.#database.transaction(() => {
      this.#require(namespace, id);
      this.#database.run("DELETE FROM lease_resources WHERE namespace = ? AND lease = ?", [
        namespace,
        id,
      ]);
      this.#database.run("DELETE FROM leases WHERE namespace = ? AND id = ?", [namespace, id]);
    })();
  }

  addResource(namespace: string, id: string, resource: LeaseResource): void {
    checkResource(resource);
    this.#database.transaction(() => {
      this.#require(namespace, id);
      this.#insert(namespace, id, resource);
    })();
  }

  deleteResource(namespace: string, id: string, resource: LeaseResource): void {
    checkResource(resource);
    this.#require(namespace, id);
    this.#database.run(
      "DELETE FROM lease_resources WHERE namespace = ? AND lease = ? AND type = ? AND id = ?",
      [namespace, id, resource.type, resource.id],
    );
  }

  resources(namespace: string, id: string): LeaseResource[] {
    this.#require(namespace, id);
    return this.#database
      .query<LeaseResource, [string, string]>(
        "SELECT type, id FROM lease_resources WHERE namespace = ? AND lease = ?",
      )
      .all(namespace, id);
  }

  /**
   * Puts what a call makes under the lease that the call carries. Without a lease it does nothing
   * and returns false. Call it inside the transaction that makes the resource.
   */
  hold(namespace: string, lease: string | undefined, resource: LeaseResource): boolean {
    if (!lease) return false;
    const found = this.#database
      .query<{ id: string }, [string, string]>(
        "SELECT id FROM leases WHERE namespace = ? AND id = ?",
      )
      .get(namespace, lease);
    if (!found) throw refuse("not_found", "lease does not exist");
    this.#insert(namespace, lease, resource);
    return true;
  }

  #insert(namespace: string, lease: string, { type, id }: LeaseResource): void {
    this.#database
      .query("INSERT OR IGNORE INTO lease_resources VALUES (?, ?, ?, ?)")
      .run(namespace, lease, type, id);
  }

  #require(namespace: string, id: string): void {
    const found = this.#database
      .query<{ id: string }, [string, string]>(
        "SELECT id FROM leases WHERE namespace = ? AND id = ?",
      )
      .get(namespace, id);
    if (!found) throw refuse("not_found", `lease ${JSON.stringify(id)}`);
  }
}

function checkResource({ type, id }: LeaseResource): void {
  const [kind = "", snapshotter = "", ...rest] = type.split("/");
  if (kind === "content" || kind === "ingests") {
    if (snapshotter !== "" || type.includes("/")) {
      throw refuse("invalid_argument", `invalid resource type ${type}`);
    }
    if (kind === "content") parseDigest(id, "invalid content resource id");
    return;
  }
  if (kind === "snapshots") {
    if (snapshotter === "" || rest.length > 0) {
      throw refuse("invalid_argument", `invalid snapshot resource type ${type}`);
    }
    return;
  }
  throw refuse("unimplemented", `resource type ${type} not supported yet`);
}

function leaseField(lease: LeaseRecord, path: readonly string[]): string | undefined {
  if (path[0] === "id") return filled(lease.id);
  return path[0] === "labels" ? mapField(lease.labels, path) : undefined;
}
