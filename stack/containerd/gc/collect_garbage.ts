import type { Database } from "bun:sqlite";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ContentFolder } from "../content/content_folder.ts";
import type { BlobStore } from "../metadata/blob_store.ts";
import type { SnapshotStore } from "../metadata/snapshot_store.ts";
import type { SnapshotLayout } from "../snapshot/snapshot_layout.ts";
import { markLive, nodeName } from "./mark_live.ts";

export interface Collectable {
  database: Database;
  content: ContentFolder;
  blobs: BlobStore;
  snapshots: SnapshotStore;
  layouts: ReadonlyMap<string, SnapshotLayout>;
  /** References that a writer has open ("namespace\0ref"): their files are in use. */
  locked: ReadonlySet<string>;
}

/** What one collection removed; `sweepSnapshots` deletes the files of snapshots afterwards. */
export interface Collected {
  snapshots: { namespace: string; snapshotter: string; key: string }[];
  blobs: number;
}

/**
 * Removes everything that nothing refers to. Metadata first, in one transaction; a crash after it
 * leaves files that the next start's `sweepOrphans` deletes.
 */
export function collectGarbage(parts: Collectable, nowMs: number): Collected {
  const { database } = parts;
  const collected: Collected = { snapshots: [], blobs: 0 };
  const ingestFolders: string[] = [];
  const digests = parts.blobs.dropped;
  database.transaction(() => {
    const live = markLive(database, nowMs);
    removeLeases(database, live);
    removeIngests(parts, live, ingestFolders);
    removeBlobs(database, live, digests);
    removeSnapshots(parts, live, collected);
  })();
  for (const folder of ingestFolders) parts.content.removeIngest(folder);
  for (const digest of digests) {
    if (parts.blobs.isAwaited(digest)) continue;
    digests.delete(digest);
    if (parts.blobs.isKnown(digest)) continue;
    parts.content.removeBlob(digest);
    collected.blobs++;
  }
  return collected;
}

/** Deletes the folders of removed snapshots. */
export async function sweepSnapshots(parts: Collectable): Promise<void> {
  for (const layout of parts.layouts.values()) {
    await layout.sweep(() => parts.snapshots.numbers(layout.name));
  }
}

/** Deletes blobs and ingests that a crash left without metadata. Only before anybody is served. */
export function sweepOrphans({ database, content, blobs }: Collectable): void {
  const root = join(content.root, "blobs");
  for (const algorithm of readdirSync(root)) {
    for (const hex of readdirSync(join(root, algorithm))) {
      const digest = `${algorithm}:${hex}`;
      if (/^[a-z0-9]+:[0-9a-f]+$/.test(digest) && !blobs.isKnown(digest))
        content.removeBlob(digest);
    }
  }
  const known = new Set(
    database
      .query<{ folder: string }, []>("SELECT folder FROM ingests")
      .all()
      .map((row) => row.folder),
  );
  for (const folder of content.ingestFolders()) {
    if (!known.has(folder)) content.removeIngest(folder);
  }
}

function removeLeases(database: Database, live: ReadonlySet<string>): void {
  const leases = database
    .query<{ namespace: string; id: string }, []>("SELECT namespace, id FROM leases")
    .all();
  for (const { namespace, id } of leases) {
    if (live.has(nodeName("lease", namespace, id))) continue;
    database.run("DELETE FROM lease_resources WHERE namespace = ? AND lease = ?", [namespace, id]);
    database.run("DELETE FROM leases WHERE namespace = ? AND id = ?", [namespace, id]);
  }
}

function removeIngests(parts: Collectable, live: ReadonlySet<string>, folders: string[]): void {
  const ingests = parts.database
    .query<{ namespace: string; ref: string; folder: string }, []>(
      "SELECT namespace, ref, folder FROM ingests",
    )
    .all();
  for (const { namespace, ref, folder } of ingests) {
    if (live.has(nodeName("ingest", namespace, ref)) || parts.locked.has(`${namespace}\0${ref}`)) {
      continue;
    }
    parts.database.run("DELETE FROM ingests WHERE namespace = ? AND ref = ?", [namespace, ref]);
    folders.push(folder);
  }
}

function removeBlobs(database: Database, live: ReadonlySet<string>, digests: Set<string>): void {
  const blobs = database
    .query<{ namespace: string; digest: string }, []>("SELECT namespace, digest FROM blobs")
    .all();
  for (const { namespace, digest } of blobs) {
    if (live.has(nodeName("content", namespace, digest))) continue;
    database.run("DELETE FROM blobs WHERE namespace = ? AND digest = ?", [namespace, digest]);
    digests.add(digest);
  }
}

function removeSnapshots(
  { database, layouts }: Collectable,
  live: ReadonlySet<string>,
  collected: Collected,
): void {
  // Parents have lower numbers than their children, so this removes children first.
  const snapshots = database
    .query<{ number: number; namespace: string; snapshotter: string; key: string }, []>(
      "SELECT number, namespace, snapshotter, key FROM snapshots ORDER BY number DESC",
    )
    .all();
  for (const { number, namespace, snapshotter, key } of snapshots) {
    if (live.has(nodeName("snapshot", namespace, `${snapshotter}/${key}`))) continue;
    database.run("DELETE FROM snapshots WHERE number = ?", [number]);
    layouts.get(snapshotter)?.discard(number);
    collected.snapshots.push({ namespace, snapshotter, key });
  }
}
