import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * The schema, one entry a version. An entry that was released is never changed: a new one is added.
 *
 * `labels` are JSON objects, times are Unix microseconds, `record` columns hold the message that
 * the API answers with.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE namespaces (name TEXT PRIMARY KEY, labels TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE containers (
     namespace TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, labels TEXT NOT NULL,
     snapshotter TEXT NOT NULL, snapshot_key TEXT NOT NULL,
     PRIMARY KEY (namespace, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE images (
     namespace TEXT NOT NULL, name TEXT NOT NULL, record BLOB NOT NULL, labels TEXT NOT NULL,
     digest TEXT NOT NULL, PRIMARY KEY (namespace, name)) STRICT, WITHOUT ROWID;
   CREATE TABLE sandboxes (
     namespace TEXT NOT NULL, id TEXT NOT NULL, record BLOB NOT NULL, labels TEXT NOT NULL,
     PRIMARY KEY (namespace, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE leases (
     namespace TEXT NOT NULL, id TEXT NOT NULL, labels TEXT NOT NULL, created_ms INTEGER NOT NULL,
     PRIMARY KEY (namespace, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE lease_resources (
     namespace TEXT NOT NULL, lease TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
     PRIMARY KEY (namespace, lease, type, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE blobs (
     namespace TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, labels TEXT NOT NULL,
     created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
     PRIMARY KEY (namespace, digest)) STRICT, WITHOUT ROWID;
   CREATE INDEX blobs_by_digest ON blobs (digest);
   CREATE TABLE ingests (
     namespace TEXT NOT NULL, ref TEXT NOT NULL, folder TEXT NOT NULL, expected TEXT NOT NULL,
     total INTEGER NOT NULL, started_ms INTEGER NOT NULL, expire_ms INTEGER,
     PRIMARY KEY (namespace, ref)) STRICT, WITHOUT ROWID;
   CREATE TABLE snapshots (
     number INTEGER PRIMARY KEY AUTOINCREMENT,
     namespace TEXT NOT NULL, snapshotter TEXT NOT NULL, key TEXT NOT NULL,
     parent INTEGER REFERENCES snapshots (number), kind INTEGER NOT NULL, labels TEXT NOT NULL,
     created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
     size INTEGER NOT NULL DEFAULT 0, inodes INTEGER NOT NULL DEFAULT 0,
     UNIQUE (namespace, snapshotter, key)) STRICT;
   CREATE INDEX snapshots_by_parent ON snapshots (parent);`,
  // Milliseconds made a thing older than the call that asked for it.
  `ALTER TABLE leases RENAME COLUMN created_ms TO created_us;
   ALTER TABLE blobs RENAME COLUMN created_ms TO created_us;
   ALTER TABLE blobs RENAME COLUMN updated_ms TO updated_us;
   ALTER TABLE ingests RENAME COLUMN started_ms TO started_us;
   ALTER TABLE ingests RENAME COLUMN expire_ms TO expire_us;
   ALTER TABLE snapshots RENAME COLUMN created_ms TO created_us;
   ALTER TABLE snapshots RENAME COLUMN updated_ms TO updated_us;
   UPDATE leases SET created_us = created_us * 1000;
   UPDATE blobs SET created_us = created_us * 1000, updated_us = updated_us * 1000;
   UPDATE ingests SET started_us = started_us * 1000, expire_us = expire_us * 1000;
   UPDATE snapshots SET created_us = created_us * 1000, updated_us = updated_us * 1000;`,
];

/** How long another process may hold the database (a backup, say) before a call fails. */
const BUSY_MS = 5000;

/**
 * Opens containerd's metadata, bringing an older schema up to date. Write-ahead logging: `kill -9`
 * at any instant leaves the last committed state. Throws when the schema is newer than we are.
 */
export function openDatabase(path: string): Database {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  const database = new Database(path, { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = NORMAL");
  database.run("PRAGMA foreign_keys = ON");
  database.run(`PRAGMA busy_timeout = ${BUSY_MS}`);
  migrate(database, path);
  return database;
}

function migrate(database: Database, path: string): void {
  const row = database.query<{ user_version: number }, []>("PRAGMA user_version").get();
  const version = row?.user_version ?? 0;
  if (version > MIGRATIONS.length) {
    throw new Error(
      `${path} has schema ${version}, newer than ${MIGRATIONS.length} of this program`,
    );
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    database.transaction(() => {
      database.run(MIGRATIONS[next]!);
      database.run(`PRAGMA user_version = ${next + 1}`);
    })();
  }
}
