import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";

const NEW_PREFIX = "new-";
const GONE_PREFIX = "gone-";

/**
 * Folders named by number below `<root>/snapshots`, as genuine containerd's snapshotters have them.
 * They appear and disappear by rename, so a crash leaves only names that `sweep` knows to delete.
 */
export class NumberedFolders {
  readonly root: string;
  #sweeping: Promise<void> | undefined;

  constructor(root: string) {
    this.root = join(root, "snapshots");
    mkdirSync(this.root, { recursive: true, mode: 0o700 });
  }

  path(number: number, ...rest: string[]): string {
    return join(this.root, String(number), ...rest);
  }

  /** Makes the folder of a number; `fill` fills it under a temporary name. */
  make(number: number, fill: (folder: string) => void): void {
    const temporary = mkdtempSync(join(this.root, NEW_PREFIX));
    try {
      fill(temporary);
      // A number whose transaction failed is given out again: what it left is nobody's.
      rmSync(this.path(number), { recursive: true, force: true });
      renameSync(temporary, this.path(number));
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw error;
    }
  }

  discard(number: number): void {
    try {
      renameSync(
        this.path(number),
        join(this.root, `${GONE_PREFIX}${number}-${Date.now().toString(36)}`),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  /**
   * Deletes discarded folders and those of unknown numbers. One sweep runs at a time. `known` is
   * asked when a folder is about to go: numbers are given out meanwhile.
   */
  async sweep(known: () => ReadonlySet<number>): Promise<void> {
    while (this.#sweeping) await this.#sweeping;
    this.#sweeping = this.#deleteAll(known).finally(() => {
      this.#sweeping = undefined;
    });
    await this.#sweeping;
  }

  async #deleteAll(known: () => ReadonlySet<number>): Promise<void> {
    const numbers = known();
    for (const name of readdirSync(this.root)) {
      if (numbers.has(Number(name))) continue;
      if (name.startsWith(GONE_PREFIX)) {
        await rm(join(this.root, name), { recursive: true, force: true });
        continue;
      }
      // Deleting takes a while, in which its number may be given out: it is moved away at once.
      if (known().has(Number(name))) continue;
      const hidden = join(this.root, `${GONE_PREFIX}${name}-${Date.now().toString(36)}`);
      renameSync(join(this.root, name), hidden);
      await rm(hidden, { recursive: true, force: true });
    }
  }
}

/** Gives a new upper folder the owner that the folder below it has. */
export function copyOwner(from: string, to: string): void {
  const { uid, gid } = statSync(from);
  chownSync(to, uid, gid);
}
