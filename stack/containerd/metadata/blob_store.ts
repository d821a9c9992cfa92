import type { Database } from "bun:sqlite";
import { wallClockUs } from "#lib/linux/wall_clock.ts";
import { compileFilters, mapField } from "../filter/filter_match.ts";
import { parseDigest } from "./digest.ts";
import { checkLabels, decodeLabels, encodeLabels, type Labels, maskLabels } from "./labels.ts";
import { ensureNamespace } from "./namespace_store.ts";
import { refuse } from "./refusal.ts";

export interface BlobRecord {
  digest: string;
  size: number;
  labels: Labels;
  createdUs: number;
  updatedUs: number;
}

interface Row {
  digest: string;
  size: number;
  labels: string;
  created_us: number;
  updated_us: number;
}

/**
 * What each namespace knows of the content store's blobs. The bytes exist once for all namespaces;
 * a namespace sees those that were committed in it.
 */
export class BlobStore {
  readonly #database: Database;
  /** Deleted in some namespace: the next collection looks whether their bytes may go. */
  readonly dropped = new Set<string>();

  constructor(database: Database) {
    this.#database = database;
  }

  info(namespace: string, digest: string): BlobRecord {
    parseDigest(digest);
    const found = this.find(namespace, digest);
    if (!found) throw refuse("not_found", `content digest ${digest}`);
    return found;
  }

  find(namespace: string, digest: string): BlobRecord | undefined {
    const row = this.#database
      .query<Row, [string, string]>("SELECT * FROM blobs WHERE namespace = ? AND digest = ?")
      .get(namespace, digest);
    return row ? blobOfRow(row) : undefined;
  }

  /** True when any namespace still has the blob: its bytes must stay. */
  isKnown(digest: string): boolean {
    const sql = "SELECT 1 AS found FROM blobs WHERE digest = ? LIMIT 1";
    return this.#database.query<{ found: number }, [string]>(sql).get(digest) !== null;
  }

  /** True when a writer stands on another namespace's bytes and may commit them. */
  isAwaited(digest: string): boolean {
    const sql = "SELECT 1 AS found FROM ingests WHERE expected = ? LIMIT 1";
    return this.#database.query<{ found: number }, [string]>(sql).get(digest) !== null;
  }

  list(namespace: string, filters: readonly string[]): BlobRecord[] {
    const passes = compileFilters(filters);
    return this.#database
      .query<Row, [string]>("SELECT * FROM blobs WHERE namespace = ? ORDER BY digest")
      .all(namespace)
      .map(blobOfRow)
      .filter((blob) => passes((path) => blobField(blob, path)));
  }

  /** Makes a blob visible in a namespace. Throws "already_exists" when it is. */
  add(namespace: string, digest: string, size: number, labels: Labels): void {
    checkLabels("info.Labels", labels);
    ensureNamespace(this.#database, namespace);
    const now = wallClockUs();
    const { changes } = this.#database
      .query("INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?, ?, ?)")
      .run(namespace, digest, size, encodeLabels(labels), now, now);
    if (changes === 0) throw refuse("already_exists", `content ${digest}`);
  }

  /** Without a mask all labels are replaced; nothing else of a blob can change. */
  update(namespace: string, digest: string, given: Labels, mask: readonly string[]): BlobRecord {
    return this.#database.transaction(() => {
      const blob = this.info(namespace, digest);
      for (const path of mask.length > 0 ? mask : ["labels"]) {
        const labels = maskLabels(blob.labels, given, path);
        if (!labels) {
          const where = `${JSON.stringify(path)} field on content info ${JSON.stringify(digest)}`;
          throw refuse("invalid_argument", `cannot update ${where}`);
        }
        blob.labels = labels;
      }
      checkLabels("info.Labels", blob.labels);
      blob.updatedUs = wallClockUs();
      this.#database.run(
        "UPDATE blobs SET labels = ?, updated_us = ? WHERE namespace = ? AND digest = ?",
        [encodeLabels(blob.labels), blob.updatedUs, namespace, digest],
      );
      return blob;
    })();
  }

  delete(namespace: string, digest: string): void {
    parseDigest(digest);
    const { changes } = this.#database.run("DELETE FROM blobs WHERE namespace = ? AND digest = ?", [
      namespace,
      digest,
    ]);
    if (changes === 0) throw refuse("not_found", `content digest ${digest}`);
    this.dropped.add(digest);
  }
}

function blobOfRow(row: Row): BlobRecord {
  return {
    digest: row.digest,
    size: row.size,
    labels: decodeLabels(row.labels),
    createdUs: row.created_us,
    updatedUs: row.updated_us,
  };
}

function blobField(blob: BlobRecord, path: readonly string[]): string | undefined {
  switch (path[0]) {
    case "digest":
      return blob.digest;
    case "size":
      return String(blob.size);
    case "labels":
      return mapField(blob.labels, path);
    default:
      return undefined;
  }
}
