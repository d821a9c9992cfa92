import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "./database.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "database-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("times of the first schema, in milliseconds, become microseconds", () => {
  const path = join(folder, "meta.db");
  const old = new Database(path, { create: true });
  old.run(`CREATE TABLE leases (namespace TEXT, id TEXT, labels TEXT, created_ms INTEGER) STRICT;
    CREATE TABLE blobs (namespace TEXT, digest TEXT, created_ms INTEGER, updated_ms INTEGER) STRICT;
    CREATE TABLE ingests (ref TEXT, started_ms INTEGER, expire_ms INTEGER) STRICT;
    CREATE TABLE snapshots (key TEXT, created_ms INTEGER, updated_ms INTEGER) STRICT;
    INSERT INTO leases VALUES ('n', 'l', '{}', 1795547124847);
    INSERT INTO ingests VALUES ('leased', 5, NULL), ('free', 5, 6);
    PRAGMA user_version = 1`);
  old.close();
  const database = openDatabase(path);
  try {
    expect(database.query("SELECT created_us FROM leases").all()).toEqual([
      { created_us: 1_795_547_124_847_000 },
    ]);
    expect(database.query("SELECT started_us, expire_us FROM ingests").all()).toEqual([
      { started_us: 5000, expire_us: null },
      { started_us: 5000, expire_us: 6000 },
    ]);
  } finally {
    database.close();
  }
});

test("a database of a newer program is refused", () => {
  const path = join(folder, "meta.db");
  const newer = new Database(path, { create: true });
  newer.run("PRAGMA user_version = 99");
  newer.close();
  expect(() => openDatabase(path)).toThrow("has schema 99, newer than");
});
