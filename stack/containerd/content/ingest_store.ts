import type { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { wallClockUs } from "#lib/linux/wall_clock.ts";
import { compileFilters } from "../filter/filter_match.ts";
import type { LeaseStore } from "../metadata/lease_store.ts";
import { ensureNamespace } from "../metadata/namespace_store.ts";
import { refuse } from "../metadata/refusal.ts";
import type { ContentFolder } from "./content_folder.ts";
import { dataPath } from "./ingest_writer.ts";

export interface IngestRecord {
  ref: string;
  /** Name of its folder below `ingest/`. */
  folder: string;
  /** Set when the bytes are another namespace's: nothing needs to be written. */
  expected: string;
  total: number;
  startedUs: number;
}

export interface IngestStatus extends IngestRecord {
  offset: number;
  updatedUs: number;
}

interface Row {
  ref: string;
  folder: string;
  expected: string;
  total: number;
  started_us: number;
}

/** An ingest that nobody leased is dropped after this long. */
const EXPIRE_US = 24 * 60 * 60 * 1_000_000;

/** Content that is still being written, by namespace and reference. */
export class IngestStore {
  readonly #database: Database;
  readonly #content: ContentFolder;
  readonly #leases: LeaseStore;

  constructor(database: Database, content: ContentFolder, leases: LeaseStore) {
    this.#database = database;
    this.#content = content;
    this.#leases = leases;
  }

  /** Finds or makes the ingest of a reference and puts it under the call's lease. */
  open(
    namespace: string,
    given: { ref: string; expected: string; total: number; lease: string | undefined },
  ): IngestRecord {
    const { ref, expected, total, lease } = given;
    return this.#database.transaction(() => {
      ensureNamespace(this.#database, namespace);
      const leased = this.#leases.hold(namespace, lease, { type: "ingests", id: ref });
      const found = this.find(namespace, ref);
      const startedUs = found?.startedUs ?? wallClockUs();
      const folder = found?.folder ?? ingestFolder(namespace, ref);
      const record = { ref, folder, expected, total, startedUs };
      this.#database
        .query("INSERT OR REPLACE INTO ingests VALUES (?, ?, ?, ?, ?, ?, ?)")
        .run(
          namespace,
          ref,
          folder,
          expected,
          total,
          startedUs,
          leased ? null : startedUs + EXPIRE_US,
        );
      return record;
    })();
  }

  find(namespace: string, ref: string): IngestRecord | undefined {
    const row = this.#database
      .query<Row, [string, string]>("SELECT * FROM ingests WHERE namespace = ? AND ref = ?")
      .get(namespace, ref);
    return row ? recordOfRow(row) : undefined;
  }

  status(namespace: string, ref: string): IngestStatus {
    const found = this.find(namespace, ref);
    if (!found) throw refuse("not_found", `reference ${ref}`);
    return this.#statusOf(found);
  }

  list(namespace: string, filters: readonly string[]): IngestStatus[] {
    const passes = compileFilters(filters);
    return this.#database
      .query<Row, [string]>("SELECT * FROM ingests WHERE namespace = ? ORDER BY ref")
      .all(namespace)
      .map((row) => this.#statusOf(recordOfRow(row)))
      .filter((status) => passes((path) => (path[0] === "ref" ? status.ref : undefined)));
  }

  /** Forgets an ingest after it became a blob. */
  drop(namespace: string, ref: string): void {
    this.#database.run("DELETE FROM ingests WHERE namespace = ? AND ref = ?", [namespace, ref]);
    this.#database.run(
      "DELETE FROM lease_resources WHERE namespace = ? AND type = 'ingests' AND id = ?",
      [namespace, ref],
    );
  }

  /** Throws an ingest away with what was written. */
  abort(namespace: string, ref: string): void {
    const found = this.find(namespace, ref);
    if (!found) throw refuse("not_found", `reference ${ref}`);
    this.drop(namespace, ref);
    this.#content.removeIngest(found.folder);
  }

  #statusOf(record: IngestRecord): IngestStatus {
    const data = statSync(dataPath(this.#content, record.folder), { throwIfNoEntry: false });
    const shared = record.expected !== "";
    return {
      ...record,
      offset: shared ? record.total : (data?.size ?? 0),
      updatedUs: data ? Math.trunc(data.mtimeMs * 1000) : record.startedUs,
    };
  }
}

function recordOfRow(row: Row): IngestRecord {
  return {
    ref: row.ref,
    folder: row.folder,
    expected: row.expected,
    total: row.total,
    startedUs: row.started_us,
  };
}

/** References are any text; a digest of them is a safe name. */
function ingestFolder(namespace: string, ref: string): string {
  return createHash("sha256").update(`${namespace}\0${ref}`).digest("hex");
}
