import type { Database } from "bun:sqlite";
import { wallClockUs } from "#lib/linux/wall_clock.ts";
import { compileFilters, mapField } from "../filter/filter_match.ts";
import { checkLabels, decodeLabels, encodeLabels, type Labels, maskLabels } from "./labels.ts";
import { ensureNamespace } from "./namespace_store.ts";
import { refuse } from "./refusal.ts";

/** The numbers are those of the API's enum. */
export const SNAPSHOT_KIND = { view: 1, active: 2, committed: 3 } as const;
export type SnapshotKind = (typeof SNAPSHOT_KIND)[keyof typeof SNAPSHOT_KIND];

export interface SnapshotRecord {
  /** Names its folder; unique for all time in this database. */
  number: number;
  key: string;
  /** Key of the parent; empty for a base. */
  parent: string;
  kind: SnapshotKind;
  labels: Labels;
  createdUs: number;
  updatedUs: number;
}

interface Row {
  number: number;
  key: string;
  parent_key: string | null;
  kind: number;
  labels: string;
  created_us: number;
  updated_us: number;
}

/** Where a snapshot belongs: each namespace and snapshotter has keys of its own. */
export interface SnapshotScope {
  namespace: string;
  snapshotter: string;
}

/** Longest chain of parents that is followed: a guard against a damaged database. */
const MAX_DEPTH = 1024;
const COLUMNS = `SELECT s.number, s.key, p.key AS parent_key, s.kind, s.labels, s.created_us,
  s.updated_us FROM snapshots s LEFT JOIN snapshots p ON p.number = s.parent`;
const KINDS: Record<SnapshotKind, string> = { 1: "view", 2: "active", 3: "committed" };

/** Set by clients of remote snapshotters: the name under which the snapshot may exist already. */
const TARGET_LABEL = "containerd.io/snapshot.ref";

/** What is known of snapshots; their files are the snapshotter's. */
export class SnapshotStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(scope: SnapshotScope, key: string): SnapshotRecord {
    const found = this.#find(scope, key);
    if (!found) throw refuse("not_found", `snapshot ${key} does not exist`);
    return found;
  }

  list(scope: SnapshotScope, filters: readonly string[]): SnapshotRecord[] {
    const passes = compileFilters(filters);
    return this.#database
      .query<Row, [string, string]>(
        `${COLUMNS} WHERE s.namespace = ? AND s.snapshotter = ? ORDER BY s.key`,
      )
      .all(scope.namespace, scope.snapshotter)
      .map(recordOfRow)
      .filter((record) => passes((path) => snapshotField(record, path)));
  }

  /**
   * Adds an active snapshot or a view. `place` makes its folder, given the new number and its
   * parent's; when it throws, nothing is added.
   */
  create(
    scope: SnapshotScope,
    given: { key: string; parent: string; kind: SnapshotKind; labels: Labels },
    place: (number: number, parent: number | undefined) => void,
  ): SnapshotRecord {
    const { key, parent, kind, labels } = given;
    checkLabels("info.Labels", labels);
    const target = labels[TARGET_LABEL];
    return this.#database.transaction(() => {
      ensureNamespace(this.#database, scope.namespace);
      if (target && this.#find(scope, target)) {
        throw refuse("already_exists", `target snapshot ${JSON.stringify(target)}`);
      }
      if (this.#find(scope, key)) {
        throw refuse("already_exists", `snapshot ${JSON.stringify(key)}`);
      }
      const parentNumber = parent === "" ? undefined : this.#parentNumber(scope, parent);
      const now = wallClockUs();
      const { lastInsertRowid } = this.#database.run(
        `INSERT INTO snapshots (namespace, snapshotter, key, parent, kind, labels, created_us,
           updated_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        [
          scope.namespace,
          scope.snapshotter,
          key,
          parentNumber ?? null,
          kind,
          encodeLabels(labels),
          now,
          now,
        ],
      );
      const number = Number(lastInsertRowid);
      place(number, parentNumber);
      return { number, key, parent, kind, labels, createdUs: now, updatedUs: now };
    })();
  }

  /** Turns an active snapshot into the committed one `name`; it keeps its number. */
  commit(scope: SnapshotScope, key: string, name: string, labels: Labels): SnapshotRecord {
    checkLabels("info.Labels", labels);
    return this.#database.transaction(() => {
      if (this.#find(scope, name)) {
        throw refuse("already_exists", `snapshot ${JSON.stringify(name)}`);
      }
      const active = this.get(scope, key);
      if (active.kind !== SNAPSHOT_KIND.active) {
        const words = `failed to commit snapshot: snapshot ${JSON.stringify(key)} is not active`;
        throw refuse("failed_precondition", words);
      }
      const now = wallClockUs();
      this.#database.run(
        `UPDATE snapshots SET key = ?, kind = ?, labels = ?, created_us = ?, updated_us = ?,
           size = -1 WHERE number = ?`,
        [name, SNAPSHOT_KIND.committed, encodeLabels(labels), now, now, active.number],
      );
      return { ...active, key: name, kind: SNAPSHOT_KIND.committed, labels };
    })();
  }

  /** Removes a snapshot that has no children. Returns what it was. */
  remove(scope: SnapshotScope, key: string): SnapshotRecord {
    return this.#database.transaction(() => {
      const record = this.get(scope, key);
      const child = this.#database
        .query<{ number: number }, [number]>(
          "SELECT number FROM snapshots WHERE parent = ? LIMIT 1",
        )
        .get(record.number);
      if (child) throw refuse("failed_precondition", "cannot remove snapshot with child");
      this.#database.run("DELETE FROM snapshots WHERE number = ?", [record.number]);
      this.#database.run(
        "DELETE FROM lease_resources WHERE namespace = ? AND type = ? AND id = ?",
        [scope.namespace, `snapshots/${scope.snapshotter}`, key],
      );
      return record;
    })();
  }

  /** Without a mask all labels are replaced; nothing else of a snapshot can change. */
  update(
    scope: SnapshotScope,
    key: string,
    given: Labels,
    mask: readonly string[],
  ): SnapshotRecord {
    return this.#database.transaction(() => {
      const record = this.get(scope, key);
      for (const path of mask.length > 0 ? mask : ["labels"]) {
        const labels = maskLabels(record.labels, given, path);
        if (!labels) {
          const where = `${JSON.stringify(path)} field on snapshot ${JSON.stringify(key)}`;
          throw refuse("invalid_argument", `cannot update ${where}`);
        }
        record.labels = labels;
      }
      checkLabels("info.Labels", record.labels);
      record.updatedUs = wallClockUs();
      this.#database.run("UPDATE snapshots SET labels = ?, updated_us = ? WHERE number = ?", [
        encodeLabels(record.labels),
        record.updatedUs,
        record.number,
      ]);
      return record;
    })();
  }

  /** Numbers of all parents, nearest first. */
  parents(number: number): number[] {
    const rows = this.#database
      .query<{ number: number }, [number, number]>(
        `WITH RECURSIVE chain (number, depth) AS (
           SELECT parent, 1 FROM snapshots WHERE number = ?
           UNION ALL
           SELECT s.parent, depth + 1 FROM snapshots s JOIN chain c ON s.number = c.number
             WHERE depth < ?)
         SELECT number FROM chain WHERE number IS NOT NULL ORDER BY depth`,
      )
      .all(number, MAX_DEPTH);
    return rows.map((row) => row.number);
  }

  /** Numbers of all snapshots of a snapshotter, in every namespace: the folders that must stay. */
  numbers(snapshotter: string): Set<number> {
    const rows = this.#database
      .query<{ number: number }, [string]>("SELECT number FROM snapshots WHERE snapshotter = ?")
      .all(snapshotter);
    return new Set(rows.map((row) => row.number));
  }

  /** The usage of a committed snapshot, once it was measured. */
  usage(number: number): { size: number; inodes: number } | undefined {
    const row = this.#database
      .query<{ size: number; inodes: number; kind: number }, [number]>(
        "SELECT size, inodes, kind FROM snapshots WHERE number = ?",
      )
      .get(number);
    return row && row.kind === SNAPSHOT_KIND.committed && row.size >= 0 ? row : undefined;
  }

  recordUsage(number: number, { size, inodes }: { size: number; inodes: number }): void {
    this.#database.run("UPDATE snapshots SET size = ?, inodes = ? WHERE number = ? AND kind = ?", [
      size,
      inodes,
      number,
      SNAPSHOT_KIND.committed,
    ]);
  }

  #parentNumber(scope: SnapshotScope, parent: string): number {
    const record = this.#find(scope, parent);
    if (!record) throw refuse("not_found", `parent snapshot ${parent} does not exist`);
    if (record.kind !== SNAPSHOT_KIND.committed) {
      const words = `parent ${JSON.stringify(parent)} is not committed snapshot`;
      throw refuse("invalid_argument", `failed to create snapshot: ${words}`);
    }
    return record.number;
  }

  #find(scope: SnapshotScope, key: string): SnapshotRecord | undefined {
    const row = this.#database
      .query<Row, [string, string, string]>(
        `${COLUMNS} WHERE s.namespace = ? AND s.snapshotter = ? AND s.key = ?`,
      )
      .get(scope.namespace, scope.snapshotter, key);
    return row ? recordOfRow(row) : undefined;
  }
}

function recordOfRow(row: Row): SnapshotRecord {
  return {
    number: row.number,
    key: row.key,
    parent: row.parent_key ?? "",
    kind: row.kind as SnapshotKind,
    labels: decodeLabels(row.labels),
    createdUs: row.created_us,
    updatedUs: row.updated_us,
  };
}

function snapshotField(record: SnapshotRecord, path: readonly string[]): string | undefined {
  switch (path[0]) {
    case "kind":
      return KINDS[record.kind];
    case "name":
      return record.key;
    case "parent":
      return record.parent;
    case "labels":
      return mapField(record.labels, path);
    default:
      return undefined;
  }
}
