import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { failure } from "#lib/errors/chain_error.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { SNAPSHOT_KIND, type SnapshotKind } from "../metadata/snapshot_store.ts";
import { NumberedFolders } from "./numbered_folders.ts";
import { bindMount } from "./overlayfs_layout.ts";
import type { SnapshotLayout, SnapshotMount } from "./snapshot_layout.ts";

/** Whole copies instead of layers: for file systems on which overlayfs does not work. */
export class NativeLayout implements SnapshotLayout {
  readonly name = "native";
  readonly #folders: NumberedFolders;

  constructor(root: string) {
    this.#folders = new NumberedFolders(root);
  }

  place(number: number, kind: SnapshotKind, parent: number | undefined): void {
    // A view of a parent shows the parent itself: nothing writes to it.
    this.#folders.make(number, (folder) => {
      if (parent === undefined) return;
      if (kind === SNAPSHOT_KIND.active) copyTree(this.ownFolder(parent), folder);
      else mkdirSync(`${folder}/empty`, { mode: 0o755 });
    });
  }

  mounts(number: number, kind: SnapshotKind, parents: readonly number[]): SnapshotMount[] {
    const view = kind === SNAPSHOT_KIND.view;
    const shown = view && parents.length > 0 ? parents[0]! : number;
    return [bindMount(this.ownFolder(shown), view ? "ro" : "rw")];
  }

  ownFolder(number: number): string {
    return this.#folders.path(number);
  }

  discard(number: number): void {
    this.#folders.discard(number);
  }

  sweep(known: () => ReadonlySet<number>): Promise<void> {
    return this.#folders.sweep(known);
  }
}

/** Copies owners, modes, times, xattrs, hard links, devices and holes too: that is cp's job. */
function copyTree(from: string, to: string): void {
  const args = ["-a", "--reflink=auto", "--sparse=auto", "-T", "--", from, to];
  const result = spawnSync("cp", args, { env: childEnv(), encoding: "utf8" });
  if (result.status === 0) return;
  throw failure({
    layer: "containerd",
    op: "snapshot.copy",
    code: "unknown",
    message: `copy snapshot ${from}: ${result.stderr.trim() || result.error?.message}`,
    evidence: [{ kind: "exit", value: `cp exited with ${result.status ?? result.signal}` }],
  });
}
