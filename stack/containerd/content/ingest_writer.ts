import { createHash, type Hash } from "node:crypto";
import { mkdirSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
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
  #closed = false;

  private constructor(
    content: ContentFolder,
    folder: string,
    file: FileHandle,
    hash: Hash,
    offset: number,
  ) {
    this.#content = content;
    this.#folder = folder;
    this.#file = file;
    this.#hash = hash;
    this.#offset = offset;
  }

  static async open(content: ContentFolder, folder: string): Promise<IngestWriter> {
    mkdirSync(content.ingestPath(folder), { recursive: true, mode: 0o755 });
    const path = dataPath(content, folder);
    const kept = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    const file = await open(path, kept > 0 ? "r+" : "w+", 0o644);
    try {
      const hash = createHash("sha256");
      await rehash(file, hash, kept);
      return new IngestWriter(content, folder, file, hash, kept);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes that the ingest holds. */
  get offset(): number {
    return this.#offset;
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
    await this.#file.close();
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
