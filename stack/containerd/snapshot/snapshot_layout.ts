import type { SnapshotKind } from "../metadata/snapshot_store.ts";

/** A mount as the API hands it out. */
export interface SnapshotMount {
  type: string;
  source: string;
  options: string[];
}

/** How one snapshotter lays out folders and mounts them. */
export interface SnapshotLayout {
  /** The snapshotter's name in the API. */
  readonly name: string;
  /** Why it cannot be used on this host; undefined when it can. */
  readonly refusal?: string;
  /**
   * Makes the folder of a new snapshot. It appears whole or not at all; a failure leaves nothing.
   * `parent` is the number of the snapshot below it.
   */
  place(number: number, kind: SnapshotKind, parent: number | undefined): void;
  /** The mounts of a view or an active snapshot; `parents` nearest first. */
  mounts(number: number, kind: SnapshotKind, parents: readonly number[]): SnapshotMount[];
  /** The folder whose disk usage is the snapshot's own. */
  ownFolder(number: number): string;
  /** Takes a snapshot's folder out of sight, at once; its files are deleted by `sweep`. */
  discard(number: number): void;
  /** Deletes what was discarded and what no known number owns. */
  sweep(known: () => ReadonlySet<number>): Promise<void>;
}
