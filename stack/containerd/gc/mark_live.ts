import type { Database } from "bun:sqlite";
import { decodeLabels, type Labels } from "../metadata/labels.ts";

/** One object that can be live: its kind, its namespace, its key. Snapshots: "snapshotter/key". */
export type NodeKind = "content" | "snapshot" | "ingest" | "lease";

interface Node {
  kind: NodeKind;
  namespace: string;
  key: string;
  /** A flat reference does not follow labels, as for leases that list everything they hold. */
  flat: boolean;
}

const ROOT_LABEL = "containerd.io/gc.root";
const CONTENT_REF = "containerd.io/gc.ref.content";
const SNAPSHOT_REF = "containerd.io/gc.ref.snapshot.";
const EXPIRE_LABEL = "containerd.io/gc.expire";
const FLAT_LABEL = "containerd.io/gc.flat";

/** The name of an object in the set of live ones. */
export function nodeName(kind: NodeKind, namespace: string, key: string): string {
  return `${kind}\0${namespace}\0${key}`;
}

/**
 * Finds everything that must stay: what leases, images, containers and root labels name, and all
 * that is reached from there over reference labels and parents. Call it inside the transaction that
 * removes the rest. `nowMs` decides which leases and ingests have expired.
 */
export function markLive(database: Database, nowMs: number): Set<string> {
  const live = new Set<string>();
  const pending: Node[] = [];
  const reach = (kind: NodeKind, namespace: string, key: string, flat = false): void => {
    const name = nodeName(kind, namespace, key);
    // A flat visit does not follow labels, so a later full one must still be made.
    const visit = flat ? `${name}\0flat` : name;
    if (visits.has(visit) || visits.has(name)) return;
    visits.add(visit);
    live.add(name);
    pending.push({ kind, namespace, key, flat });
  };
  const visits = new Set<string>();
  markRoots(database, nowMs, reach);
  // Each node is visited twice at most, so this ends.
  for (let node = pending.pop(); node; node = pending.pop()) follow(database, node, reach);
  return live;
}

type Reach = (kind: NodeKind, namespace: string, key: string, flat?: boolean) => void;

function markRoots(database: Database, nowMs: number, reach: Reach): void {
  for (const lease of rows(database, "SELECT namespace, id AS key, labels FROM leases")) {
    markLease(database, lease, nowMs, reach);
  }
  for (const image of rows(database, "SELECT namespace, digest AS key, labels FROM images")) {
    reach("content", image.namespace, image.key);
    followLabels(image.namespace, image.labels, reach);
  }
  const containers = `SELECT namespace, snapshotter || '/' || snapshot_key AS key, labels
    FROM containers`;
  for (const container of rows(database, containers)) {
    if (!container.key.startsWith("/")) reach("snapshot", container.namespace, container.key);
    followLabels(container.namespace, container.labels, reach);
  }
  for (const blob of rows(database, "SELECT namespace, digest AS key, labels FROM blobs")) {
    if (ROOT_LABEL in blob.labels) reach("content", blob.namespace, blob.key);
  }
  const snapshots = "SELECT namespace, snapshotter || '/' || key AS key, labels FROM snapshots";
  for (const snapshot of rows(database, snapshots)) {
    if (ROOT_LABEL in snapshot.labels) reach("snapshot", snapshot.namespace, snapshot.key);
  }
  const ingests = database
    .query<{ namespace: string; ref: string }, [number]>(
      "SELECT namespace, ref FROM ingests WHERE expire_us > ?",
    )
    .all(nowMs * 1000);
  for (const { namespace, ref } of ingests) reach("ingest", namespace, ref);
}

function markLease(database: Database, lease: LabelledRow, nowMs: number, reach: Reach): void {
  const { namespace, key, labels } = lease;
  const expires = Date.parse(labels[EXPIRE_LABEL] ?? "");
  if (expires < nowMs) return;
  reach("lease", namespace, key);
  const flat = FLAT_LABEL in labels;
  const resources = database
    .query<{ type: string; id: string }, [string, string]>(
      "SELECT type, id FROM lease_resources WHERE namespace = ? AND lease = ?",
    )
    .all(namespace, key);
  for (const { type, id } of resources) {
    if (type === "content") reach("content", namespace, id, flat);
    else if (type === "ingests") reach("ingest", namespace, id);
    else reach("snapshot", namespace, `${type.slice("snapshots/".length)}/${id}`, flat);
  }
}

function follow(database: Database, node: Node, reach: Reach): void {
  const { kind, namespace, key, flat } = node;
  if (kind === "content" && !flat) {
    const blob = database
      .query<{ labels: string }, [string, string]>(
        "SELECT labels FROM blobs WHERE namespace = ? AND digest = ?",
      )
      .get(namespace, key);
    if (blob) followLabels(namespace, decodeLabels(blob.labels), reach);
  } else if (kind === "snapshot") {
    followSnapshot(database, node, reach);
  } else if (kind === "ingest") {
    const ingest = database
      .query<{ expected: string }, [string, string]>(
        "SELECT expected FROM ingests WHERE namespace = ? AND ref = ?",
      )
      .get(namespace, key);
    if (ingest?.expected) reach("content", namespace, ingest.expected);
  }
}

function followSnapshot(database: Database, node: Node, reach: Reach): void {
  const slash = node.key.indexOf("/");
  const snapshotter = node.key.slice(0, slash);
  const found = database
    .query<{ parent: string | null; labels: string }, [string, string, string]>(
      `SELECT p.key AS parent, s.labels FROM snapshots s
       LEFT JOIN snapshots p ON p.number = s.parent
       WHERE s.namespace = ? AND s.snapshotter = ? AND s.key = ?`,
    )
    .get(node.namespace, snapshotter, node.key.slice(slash + 1));
  if (!found) return;
  if (found.parent !== null) {
    reach("snapshot", node.namespace, `${snapshotter}/${found.parent}`, node.flat);
  }
  if (!node.flat) followLabels(node.namespace, decodeLabels(found.labels), reach);
}

/** Reference labels: the key says what kind (names after it are free), the value what. */
function followLabels(namespace: string, labels: Labels, reach: Reach): void {
  for (const [label, value] of Object.entries(labels)) {
    if (label.startsWith(CONTENT_REF)) {
      const rest = label.slice(CONTENT_REF.length);
      if (rest === "" || rest.startsWith(".") || rest.startsWith("/")) {
        reach("content", namespace, value);
      }
    } else if (label.startsWith(SNAPSHOT_REF)) {
      const snapshotter = label.slice(SNAPSHOT_REF.length).split("/")[0];
      reach("snapshot", namespace, `${snapshotter}/${value}`);
    }
  }
}

interface LabelledRow {
  namespace: string;
  key: string;
  labels: Labels;
}

function* rows(database: Database, sql: string): Generator<LabelledRow> {
  const found = database.query<{ namespace: string; key: string; labels: string }, []>(sql).all();
  for (const row of found) yield { ...row, labels: decodeLabels(row.labels) };
}
