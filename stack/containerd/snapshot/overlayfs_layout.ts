import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { SNAPSHOT_KIND, type SnapshotKind } from "../metadata/snapshot_store.ts";
import { copyOwner, NumberedFolders } from "./numbered_folders.ts";
import type { SnapshotLayout, SnapshotMount } from "./snapshot_layout.ts";

/** Layers as overlayfs folders: `N/fs` holds a snapshot's own files, `N/work` overlayfs's. */
export class OverlayfsLayout implements SnapshotLayout {
  readonly name = "overlayfs";
  readonly #folders: NumberedFolders;
  readonly #indexOff: boolean;

  constructor(root: string) {
    this.#folders = new NumberedFolders(root);
    // With an inode index overlayfs refuses a lower folder that was an upper one elsewhere.
    this.#indexOff = existsSync("/sys/module/overlay/parameters/index");
  }

  place(number: number, kind: SnapshotKind, parent: number | undefined): void {
    this.#folders.make(number, (folder) => {
      mkdirSync(join(folder, "fs"), { mode: 0o755 });
      if (kind === SNAPSHOT_KIND.active) mkdirSync(join(folder, "work"), { mode: 0o711 });
      if (parent !== undefined) copyOwner(this.ownFolder(parent), join(folder, "fs"));
    });
  }

  mounts(number: number, kind: SnapshotKind, parents: readonly number[]): SnapshotMount[] {
    const view = kind === SNAPSHOT_KIND.view;
    if (parents.length === 0) return [bindMount(this.ownFolder(number), view ? "ro" : "rw")];
    if (view && parents.length === 1) return [bindMount(this.ownFolder(parents[0]!), "ro")];
    const options = this.#indexOff ? ["index=off"] : [];
    if (!view) {
      options.push(`workdir=${this.#folders.path(number, "work")}`);
      options.push(`upperdir=${this.ownFolder(number)}`);
    }
    options.push(`lowerdir=${parents.map((parent) => this.ownFolder(parent)).join(":")}`);
    return [{ type: "overlay", source: "overlay", options }];
  }

  ownFolder(number: number): string {
    return this.#folders.path(number, "fs");
  }

  discard(number: number): void {
    this.#folders.discard(number);
  }

  sweep(known: () => ReadonlySet<number>): Promise<void> {
    return this.#folders.sweep(known);
  }
}

/** A bind mount of a folder, with whatever is mounted below it. */
export function bindMount(source: string, mode: "ro" | "rw"): SnapshotMount {
  return { type: "bind", source, options: [mode, "rbind"] };
}
