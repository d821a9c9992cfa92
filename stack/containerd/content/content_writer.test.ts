import { afterEach, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobStore } from "../metadata/blob_store.ts";
import { openDatabase } from "../metadata/database.ts";
import { LeaseStore } from "../metadata/lease_store.ts";
import { ContentFolder } from "./content_folder.ts";
import { type ContentStores, ContentWriter } from "./content_writer.ts";
import { IngestStore } from "./ingest_store.ts";

let root: string;
let stores: ContentStores;

function openStores(): ContentStores {
  const database = openDatabase(join(root, "meta.db"));
  const content = new ContentFolder(join(root, "content"));
  const leases = new LeaseStore(database);
  return {
    database,
    content,
    leases,
    blobs: new BlobStore(database),
    ingests: new IngestStore(database, content, leases),
    locked: new Set(),
  };
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "content-"));
  stores = openStores();
});

afterEach(() => {
  stores.database.close();
  rmSync(root, { recursive: true, force: true });
});

const DATA = Buffer.from("some content");
const digestOf = (data: Uint8Array) => `sha256:${createHash("sha256").update(data).digest("hex")}`;
const DIGEST = digestOf(DATA);

function open(namespace = "a", expected = "", ref = "r", lease?: string) {
  return ContentWriter.open(stores, { namespace, lease, ref, expected, total: 0 });
}

async function store(namespace = "a", lease?: string): Promise<void> {
  const writer = await open(namespace, "", "r", lease);
  await writer.write(DATA);
  await writer.commit(DATA.length, DIGEST, { k: "v" });
  await writer.close();
}

test("what is committed is there, under its digest", async () => {
  await store();
  expect(stores.blobs.info("a", DIGEST)).toMatchObject({ size: DATA.length, labels: { k: "v" } });
  expect(stores.content.blobSize(DIGEST)).toBe(DATA.length);
  expect(stores.ingests.list("a", [])).toEqual([]);
  expect(readdirSync(join(root, "content", "ingest"))).toEqual([]);
  expect(() => stores.blobs.info("b", DIGEST)).toThrow(`content digest ${DIGEST}: not found`);
  await expect(open("a", DIGEST)).rejects.toThrow(`content ${DIGEST}: already exists`);
});

test("a wrong digest or size stores nothing and keeps the ingest", async () => {
  const other = digestOf(Buffer.from("other"));
  let writer = await open();
  await writer.write(DATA);
  await expect(writer.commit(0, other, {})).rejects.toThrow(
    `unexpected commit digest ${DIGEST}, expected ${other}`,
  );
  await writer.close();
  writer = await open();
  expect(writer.offset).toBe(DATA.length);
  await expect(writer.commit(3, "", {})).rejects.toThrow("failed size validation: 12 != 3");
  await writer.close();
  expect(stores.content.blobSize(DIGEST)).toBeUndefined();
});

test("a writer continues where one before a restart left off", async () => {
  const writer = await open();
  const startedMs = Date.now();
  await writer.write(DATA.subarray(0, 5));
  const { updatedUs } = writer;
  await writer.close();
  stores.database.close();
  stores = openStores();
  expect(stores.ingests.status("a", "r")).toMatchObject({ ref: "r", offset: 5 });
  const next = await open();
  expect(next.offset).toBe(5);
  expect(Math.abs(next.updatedUs - updatedUs)).toBeLessThanOrEqual(1);
  expect(next.updatedUs).toBeGreaterThanOrEqual(startedMs * 1000);
  await next.write(DATA.subarray(5));
  expect(next.digest).toBe(DIGEST);
  await next.commit(0, DIGEST, {});
  await next.close();
  expect(stores.blobs.info("a", DIGEST).size).toBe(DATA.length);
});

test("a reference has one writer at a time", async () => {
  const writer = await open();
  await expect(open()).rejects.toThrow("locked");
  await (await open("b")).close();
  await writer.close();
  await (await open()).close();
});

test("content of another namespace needs no bytes", async () => {
  await store("a");
  const writer = await open("b", DIGEST);
  expect(writer.offset).toBe(DATA.length);
  await writer.commit(DATA.length, DIGEST, {});
  await writer.close();
  expect(stores.blobs.info("b", DIGEST).size).toBe(DATA.length);
  const rewriting = await open("c", DIGEST);
  await rewriting.restart();
  await rewriting.write(DATA);
  await rewriting.commit(0, DIGEST, {});
  await rewriting.close();
  expect(stores.blobs.info("c", DIGEST).size).toBe(DATA.length);
});

test("a lease holds the ingest, then the content", async () => {
  stores.leases.create("a", "l", {});
  const writer = await open("a", "", "r", "l");
  expect(stores.leases.resources("a", "l")).toEqual([{ type: "ingests", id: "r" }]);
  await writer.write(DATA);
  await writer.commit(0, "", {});
  await writer.close();
  expect(stores.leases.resources("a", "l")).toEqual([{ type: "content", id: DIGEST }]);
  await expect(open("a", "", "r2", "none")).rejects.toThrow("lease does not exist");
});

test("an aborted ingest leaves nothing", async () => {
  const writer = await open();
  await writer.write(DATA);
  await writer.close();
  const { folder } = stores.ingests.status("a", "r");
  stores.ingests.abort("a", "r");
  expect(existsSync(stores.content.ingestPath(folder))).toBe(false);
  expect(() => stores.ingests.abort("a", "r")).toThrow("reference r: not found");
});

test.each(["sha256:x", "md5:00", "sha256:../../etc/passwd", "sha256", ""])(
  "digest %p is refused before it becomes a path",
  (digest) => {
    expect(() => stores.content.blobSize(digest)).toThrow("digest");
  },
);
