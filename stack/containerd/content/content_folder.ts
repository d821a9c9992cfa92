import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, parseDigest } from "../metadata/digest.ts";
import { refuse } from "../metadata/refusal.ts";

/**
 * The bytes of the content store, laid out as genuine containerd does: `blobs/<algorithm>/<hex>`,
 * and one folder for each ingest under `ingest/`.
 */
export class ContentFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    mkdirSync(join(root, "blobs", "sha256"), { recursive: true, mode: 0o711 });
    mkdirSync(join(root, "ingest"), { recursive: true, mode: 0o711 });
  }

  blobPath({ algorithm, hex }: Digest): string {
    return join(this.root, "blobs", algorithm, hex);
  }

  /** Size of a blob in bytes; undefined when its bytes are not here. */
  blobSize(digest: string): number | undefined {
    return statSync(this.blobPath(parseDigest(digest)), { throwIfNoEntry: false })?.size;
  }

  /** Opens a blob for reading; the caller closes it. */
  async openBlob(digest: string) {
    try {
      return await open(this.blobPath(parseDigest(digest)), "r");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw refuse("not_found", `content ${digest}`, {
        cause: "the metadata knows this blob, its file is gone",
        fix: "import or pull the image again",
        evidence: [{ kind: "path", value: "missing", ref: this.blobPath(parseDigest(digest)) }],
      });
    }
  }

  /** Makes a finished, synced file a blob: a rename, then a sync of the folder. */
  adopt(path: string, digest: Digest): void {
    const target = this.blobPath(digest);
    const folder = join(this.root, "blobs", digest.algorithm);
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    renameSync(path, target);
    syncFolder(folder);
  }

  removeBlob(digest: string): void {
    rmSync(this.blobPath(parseDigest(digest)), { force: true });
  }

  ingestPath(folder: string): string {
    return join(this.root, "ingest", folder);
  }

  ingestFolders(): string[] {
    return readdirSync(join(this.root, "ingest"));
  }

  removeIngest(folder: string): void {
    rmSync(this.ingestPath(folder), { recursive: true, force: true });
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
