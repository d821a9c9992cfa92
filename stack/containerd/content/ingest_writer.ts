import { createHash, type Hash } from "node:crypto";
import { mkdirSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { wallClockUs } from "#lib/linux/wall_clock.ts";
import { parseDigest } from "../metadata/digest.ts";
import { refuse } from "../metadata/refusal.ts";
import type { ContentFolder } from "./content_folder.ts";

const REHASH_CHUNK_BYTES = 1024 * 1024;

/**
 * Appends to one ingest's data file and keeps the digest of what it holds. A file that an earlier
 * writer left is hashed once and continued.
 */
export class IngestWriter {
  readonly #content: ContentFolder;
  readonly #folder: string;
  readonly #file: FileHandle;
  #hash: Hash;
  #offset: number;
  /** When bytes were last added, by this writer or one before it; undefined: never. */
  #updatedUs: number | undefined;
  /** This writer added bytes, and they are still an ingest's. */
  #added = false;
  #closed = false;

  private constructor(
    content: ContentFolder,
    folder: string,
    file: FileHandle,
    hash: Hash,
    kept: { offset: number; updatedUs: number | undefined },
  ) {
    this.#content = content;
    this.#folder = folder;
    this.#file = file;
    this.#hash = hash;
    this.#offset = kept.offset;
    this.#updatedUs = kept.updatedUs;
  }

  static async open(content: ContentFolder, folder: string): Promise<IngestWriter> {
    mkdirSync(content.ingestPath(folder), { recursive: true, mode: 0o755 });
    const path = dataPath(content, folder);
    const found = statSync(path, { throwIfNoEntry: false });
    const kept = found?.size ?? 0;
    const updatedUs = found && kept > 0 ? Math.trunc(found.mtimeMs * 1000) : undefined;
    const file = await open(path, kept > 0 ? "r+" : "w+", 0o644);
    try {
      const hash = createHash("sha256");
      await rehash(file, hash, kept);
      return new IngestWriter(content, folder, file, hash, { offset: kept, updatedUs });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes that the ingest holds. */
  get offset(): number {
    return this.#offset;
  }

  /** When bytes were last added, in microseconds since 1970; undefined: none were. */
  get updatedUs(): number | undefined {
    return this.#updatedUs;
  }

  /** Digest of what it holds so far. */
  get digest(): string {
    return `sha256:${this.#hash.copy().digest("hex")}`;
  }

  async write(data: Uint8Array): Promise<void> {
    let done = 0;
    while (done < data.length) {
      const { bytesWritten } = await this.#file.write(
        data,
        done,
        data.length - done,
        this.#offset + done,
      );
      done += bytesWritten;
    }
    this.#hash.update(data);
    this.#offset += data.length;
    this.#updatedUs = wallClockUs();
    this.#added = true;
  }

  /** Throws everything away: only a start from the beginning is supported, as in containerd. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash("sha256");
    this.#offset = 0;
  }

  /**
   * Syncs the file, checks size (0 means unknown) and digest (empty means unknown), and makes it a
   * blob. Returns the digest. The writer is closed afterwards, whatever happened.
   */
  async finish(size: number, expected: string): Promise<string> {
    try {
      if (size > 0 && size !== this.#offset) {
        throw refuse(
          "failed_precondition",
          `unexpected commit size ${this.#offset}, expected ${size}`,
        );
      }
      const actual = this.digest;
      if (expected !== "" && expected !== actual) {
        throw refuse(
          "failed_precondition",
          `unexpected commit digest ${actual}, expected ${expected}`,
        );
      }
      await this.#file.sync();
      this.#added = false;
      await this.close();
      this.#content.adopt(dataPath(this.#content, this.#folder), parseDigest(actual));
      this.#content.removeIngest(this.#folder);
      return actual;
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      // The kernel's own stamp is of its last tick: the next writer would tell another time.
      const seconds = (this.#updatedUs ?? 0) / 1_000_000;
      if (this.#added) await this.#file.utimes(seconds, seconds);
    } finally {
      await this.#file.close();
    }
  }
}

/** Where an ingest's bytes lie. */
export function dataPath(content: ContentFolder, folder: string): string {
  return join(content.ingestPath(folder), "data");
}

async function rehash(file: FileHandle, hash: Hash, size: number): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(REHASH_CHUNK_BYTES, Math.max(size, 1)));
  let at = 0;
  while (at < size) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
