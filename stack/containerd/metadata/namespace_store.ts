import type { Database } from "bun:sqlite";
import { checkIdentifier } from "./identifier.ts";
import { checkLabels, decodeLabels, encodeLabels, type Labels, maskLabels } from "./labels.ts";
import { refuse } from "./refusal.ts";

export interface NamespaceRecord {
  name: string;
  labels: Labels;
}

interface Row {
  name: string;
  labels: string;
}

/** What may still lie in a namespace, in the order in which a refused deletion names it. */
const CONTENTS: readonly (readonly [string, string])[] = [
  ["images", "images"],
  ["blobs", "blobs"],
  ["containers", "containers"],
];

/** The first object of a namespace makes it exist. */
export function ensureNamespace(database: Database, name: string): void {
  database.query("INSERT OR IGNORE INTO namespaces VALUES (?, '{}')").run(name);
}

/** The namespaces that keep clients apart. */
export class NamespaceStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** One that does not exist has no labels: containerd makes no difference, clients rely on it. */
  get(name: string): NamespaceRecord {
    const row = this.#find(name);
    return { name, labels: row ? decodeLabels(row.labels) : {} };
  }

  list(): NamespaceRecord[] {
    return this.#database
      .query<Row, []>("SELECT name, labels FROM namespaces ORDER BY name")
      .all()
      .map((row) => ({ name: row.name, labels: decodeLabels(row.labels) }));
  }

  create(name: string, labels: Labels): NamespaceRecord {
    checkIdentifier(name);
    checkLabels("namespace.Labels", labels);
    const { changes } = this.#database.run("INSERT OR IGNORE INTO namespaces VALUES (?, ?)", [
      name,
      encodeLabels(labels),
    ]);
    if (changes === 0) throw refuse("already_exists", `namespace ${JSON.stringify(name)}`);
    return { name, labels };
  }

  /** Without a mask all labels are replaced. */
  update(name: string, given: Labels, mask: readonly string[]): NamespaceRecord {
    checkIdentifier(name);
    checkLabels("namespace.Labels", given);
    return this.#database.transaction(() => {
      ensureNamespace(this.#database, name);
      let { labels } = this.get(name);
      for (const path of mask.length > 0 ? mask : ["labels"]) {
        const masked = maskLabels(labels, given, path);
        if (!masked) {
          throw refuse("invalid_argument", `cannot update ${JSON.stringify(path)} field`);
        }
        labels = masked;
      }
      this.#database.run("UPDATE namespaces SET labels = ? WHERE name = ?", [
        encodeLabels(labels),
        name,
      ]);
      return { name, labels };
    })();
  }

  /** Deletes an empty namespace; leases and ingests alone do not keep it. */
  delete(name: string): void {
    this.#database.transaction(() => {
      if (!this.#find(name)) throw refuse("not_found", `namespace ${JSON.stringify(name)}`);
      const left = CONTENTS.filter(([table]) => this.#holds(table, name)).map(([, word]) => word);
      for (const snapshotter of this.#snapshotters(name)) {
        left.push(`snapshots on ${JSON.stringify(snapshotter)} snapshotter`);
      }
      if (left.length > 0) {
        const where = `namespace ${JSON.stringify(name)} must be empty, but it still has`;
        throw refuse("failed_precondition", `${where} ${left.join(", ")}`);
      }
      for (const table of ["leases", "lease_resources", "ingests", "sandboxes"]) {
        this.#database.run(`DELETE FROM ${table} WHERE namespace = ?`, [name]);
      }
      this.#database.run("DELETE FROM namespaces WHERE name = ?", [name]);
    })();
  }

  #find(name: string): Row | undefined {
    const sql = "SELECT name, labels FROM namespaces WHERE name = ?";
    return this.#database.query<Row, [string]>(sql).get(name) ?? undefined;
  }

  #snapshotters(name: string): string[] {
    const sql = "SELECT DISTINCT snapshotter FROM snapshots WHERE namespace = ?";
    const rows = this.#database.query<{ snapshotter: string }, [string]>(sql).all(name);
    return rows.map((row) => row.snapshotter);
  }

  #holds(table: string, name: string): boolean {
    const sql = `SELECT 1 AS found FROM ${table} WHERE namespace = ? LIMIT 1`;
    return this.#database.query<{ found: number }, [string]>(sql).get(name) !== null;
  }
}
