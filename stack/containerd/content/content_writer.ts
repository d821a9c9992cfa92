import type { Database } from "bun:sqlite";
import type { BlobStore } from "../metadata/blob_store.ts";
import { parseDigest } from "../metadata/digest.ts";
import { checkLabels, type Labels } from "../metadata/labels.ts";
import type { LeaseStore } from "../metadata/lease_store.ts";
import { refuse } from "../metadata/refusal.ts";
import type { ContentFolder } from "./content_folder.ts";
import type { IngestStore } from "./ingest_store.ts";
import { IngestWriter } from "./ingest_writer.ts";

const COPY_CHUNK_BYTES = 1024 * 1024;

/** What writing content needs; one set for the daemon. */
export interface ContentStores {
  database: Database;
  content: ContentFolder;
  blobs: BlobStore;
  ingests: IngestStore;
  leases: LeaseStore;
  /** References that a writer has open: "namespace\0ref". */
  locked: Set<string>;
  /** Throws while the disk is so full that what room there is belongs to deletions. */
  checkRoom?(): void;
}

export interface WriterRequest {
  namespace: string;
  lease: string | undefined;
  ref: string;
  /** Digest that the client expects, or empty. */
  expected: string;
  /** Size in bytes that the client expects, or 0. */
  total: number;
}

/**
 * Writes one reference of one namespace. When the bytes are here already, for another namespace,
 * nothing is written: committing makes them visible in this one.
 */
export class ContentWriter {
  readonly #stores: ContentStores;
  readonly #request: WriterRequest;
  readonly startedUs: number;
  readonly #folder: string;
  /** Size of another namespace's blob, while this writer stands on it. */
  #shared: number | undefined;
  #ingest: IngestWriter | undefined;

  private constructor(
    stores: ContentStores,
    request: WriterRequest,
    opened: { startedUs: number; folder: string; shared: number | undefined },
  ) {
    this.#stores = stores;
    this.#request = request;
    this.startedUs = opened.startedUs;
    this.#folder = opened.folder;
    this.#shared = opened.shared;
  }

  /** Holds the reference until `close`. Rejects with "already_exists" for known content. */
  static async open(stores: ContentStores, request: WriterRequest): Promise<ContentWriter> {
    const { namespace, ref, expected, lease, total } = request;
    if (ref === "") throw refuse("invalid_argument", "ref must not be empty");
    if (expected !== "") parseDigest(expected);
    const known = expected !== "" && stores.blobs.find(namespace, expected) !== undefined;
    if (known) {
      // The client may rely on what it did not have to write, for as long as its lease lasts.
      stores.leases.hold(namespace, lease, { type: "content", id: expected });
      throw refuse("already_exists", `content ${expected}`);
    }
    const key = `${namespace}\0${ref}`;
    if (stores.locked.has(key)) {
      throw refuse("unavailable", `ref ${ref} locked: another writer has it open`);
    }
    stores.locked.add(key);
    try {
      const shared = sharedSize(stores, expected, total);
      const record = stores.ingests.open(namespace, {
        ref,
        lease,
        expected: shared === undefined ? "" : expected,
        total: shared ?? total,
      });
      const writer = new ContentWriter(stores, request, { ...record, shared });
      if (shared === undefined)
        writer.#ingest = await IngestWriter.open(stores.content, record.folder);
      return writer;
    } catch (error) {
      stores.locked.delete(key);
      throw error;
    }
  }

  get offset(): number {
    return this.#ingest?.offset ?? this.#shared ?? 0;
  }

  get digest(): string {
    return this.#ingest?.digest ?? this.#request.expected;
  }

  get updatedUs(): number {
    return this.#ingest?.updatedUs ?? this.startedUs;
  }

  async write(data: Uint8Array): Promise<void> {
    this.#stores.checkRoom?.();
    const ingest = this.#ingest ?? (await this.#unshare());
    await ingest.write(data);
  }

  /** Begins again at offset 0. */
  async restart(): Promise<void> {
    if (this.#ingest) await this.#ingest.restart();
    else {
      this.#shared = undefined;
      this.#ingest = await IngestWriter.open(this.#stores.content, this.#folder);
    }
  }

  /** Makes what was written a blob of the namespace. `size` 0 and `expected` "" mean unknown. */
  async commit(size: number, expected: string, labels: Labels): Promise<void> {
    checkLabels("info.Labels", labels);
    const { namespace, ref, lease } = this.#request;
    const total = this.offset;
    if (size > 0 && size !== total) {
      const words = `${JSON.stringify(ref)} failed size validation: ${total} != ${size}`;
      throw refuse("failed_precondition", words);
    }
    const digest = this.#ingest
      ? await this.#ingest.finish(size, expected)
      : this.#sharedDigest(expected);
    const { database, blobs, ingests, leases } = this.#stores;
    const failed = database.transaction(() => {
      let refused: unknown;
      if (blobs.find(namespace, digest)) refused = refuse("already_exists", `content ${digest}`);
      else blobs.add(namespace, digest, total, labels);
      ingests.drop(namespace, ref);
      leases.hold(namespace, lease, { type: "content", id: digest });
      return refused;
    })();
    if (failed) throw failed;
  }

  /** Lets go of the reference; what was written stays for the next writer. */
  async close(): Promise<void> {
    this.#stores.locked.delete(`${this.#request.namespace}\0${this.#request.ref}`);
    await this.#ingest?.close();
  }

  #sharedDigest(expected: string): string {
    if (expected !== "" && expected !== this.#request.expected) {
      throw refuse("failed_precondition", `${JSON.stringify(this.#request.ref)} unexpected digest`);
    }
    return this.#request.expected;
  }

  /** The client writes after all: continue on a copy of the shared bytes. */
  async #unshare(): Promise<IngestWriter> {
    const ingest = await IngestWriter.open(this.#stores.content, this.#folder);
    this.#ingest = ingest;
    if (ingest.offset > 0) await ingest.restart();
    const source = await this.#stores.content.openBlob(this.#request.expected);
    try {
      const buffer = Buffer.allocUnsafe(COPY_CHUNK_BYTES);
      for (let at = 0; at < (this.#shared ?? 0); ) {
        const { bytesRead } = await source.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) break;
        await ingest.write(buffer.subarray(0, bytesRead));
        at += bytesRead;
      }
    } finally {
      await source.close();
    }
    return ingest;
  }
}

function sharedSize(stores: ContentStores, expected: string, total: number): number | undefined {
  if (expected === "" || !stores.blobs.isKnown(expected)) return undefined;
  const size = stores.content.blobSize(expected);
  return size !== undefined && (total === 0 || total === size) ? size : undefined;
}
