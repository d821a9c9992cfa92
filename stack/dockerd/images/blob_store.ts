import { createHash, randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { InfoSchema, WriteAction } from "#gen/wire/containerd-api/proto/content_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { Descriptor } from "#lib/registry/manifest.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ContainerdServices } from "#wire/containerd-api/services.ts";
import type { ByteStream } from "#wire/docker-api/engine.ts";
import { broken } from "../refusals.ts";

/** One message to containerd: Bun's HTTP/2 client stops in the middle of much larger ones. */
const WRITE_BYTES = 64 * 1024;
/** Longest JSON blob that is read into memory. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;

export interface BlobWrite {
  mediaType: string;
  data: ByteStream;
  /** When given, the blob must have this digest. */
  digest?: string;
  labels?: Record<string, string>;
}

/** Reads and writes blobs in containerd's content store. */
export class BlobStore {
  readonly #services: ContainerdServices;

  constructor(services: ContainerdServices) {
    this.#services = services;
  }

  read(digest: string, context: CallContext): ByteStream {
    const replies = this.#services.content.read({ digest, offset: 0n, size: 0n }, context);
    return (async function* () {
      for await (const reply of replies) yield reply.data;
    })();
  }

  /** A manifest's or a configuration's bytes. */
  async readBytes(digest: string, context: CallContext): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of this.read(digest, context)) {
      bytes += part.length;
      if (bytes > MAX_JSON_BYTES) throw broken("read image", `blob ${digest} is too large`);
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  async readJson<T>(digest: string, context: CallContext): Promise<T> {
    const bytes = await this.readBytes(digest, context);
    try {
      return JSON.parse(Buffer.from(bytes).toString("utf8")) as T;
    } catch {
      throw broken("read image", `blob ${digest} is not JSON`);
    }
  }

  async has(digest: string, context: CallContext): Promise<boolean> {
    try {
      await this.#services.content.info({ digest }, context);
      return true;
    } catch (error) {
      if (error instanceof ChainError && error.outer.code === "not_found") return false;
      throw error;
    }
  }

  async writeJson(
    mediaType: string,
    value: unknown,
    labels: Record<string, string>,
    context: CallContext,
  ): Promise<Descriptor> {
    return this.writeBytes(mediaType, Buffer.from(JSON.stringify(value)), labels, context);
  }

  async writeBytes(
    mediaType: string,
    bytes: Uint8Array,
    labels: Record<string, string>,
    context: CallContext,
    digest?: string,
  ): Promise<Descriptor> {
    async function* once() {
      yield bytes;
    }
    const wanted = digest === undefined ? {} : { digest };
    return this.write({ mediaType, data: once(), labels, ...wanted }, context);
  }

  /**
   * Puts a blob that is stored under the call's lease, so that it stays for as long as that. False
   * when it is not stored.
   */
  async hold(digest: string, context: CallContext): Promise<boolean> {
    if (!(await this.has(digest, context))) return false;
    if (context.lease) {
      const resource = { id: digest, type: "content" };
      await this.#services.leases.addResource({ id: context.lease, resource }, context);
    }
    // It may have been collected in between.
    return this.has(digest, context);
  }

  /** Writes a blob. A source that fails leaves nothing behind. */
  async write(blob: BlobWrite, context: CallContext): Promise<Descriptor> {
    const ref = `catena-${randomBytes(12).toString("hex")}`;
    const hash = createHash("sha256");
    let size = 0n;
    const labels = blob.labels ?? {};
    async function* requests() {
      for await (const data of inPieces(blob.data)) {
        hash.update(data);
        yield { action: WriteAction.WRITE, ref, offset: size, data };
        size += BigInt(data.length);
      }
      const digest = `sha256:${hash.copy().digest("hex")}`;
      if (blob.digest && blob.digest !== digest) {
        throw broken("write blob", `blob has digest ${digest}, expected ${blob.digest}`);
      }
      // Without the digest: a containerd that is told one which it has refuses before it puts that
      // blob under our lease, and if nothing else refers to it, it is collected under our hands.
      yield { action: WriteAction.COMMIT, ref, offset: size, total: size, labels };
    }
    const failed: { error?: unknown } = {};
    try {
      let stored = "";
      const replies = this.#services.content.write(watched(requests(), failed), context);
      for await (const reply of replies) stored = reply.digest;
      const sent = `sha256:${hash.copy().digest("hex")}`;
      if (!failed.error && stored !== sent) {
        throw broken("write blob", `containerd stored ${stored}, sent was ${sent}`);
      }
    } catch (error) {
      if (!(error instanceof ChainError) || error.outer.code !== "already_exists") {
        await this.#services.content.abort({ ref }, context).catch(() => undefined);
        throw failed.error ?? error;
      }
      await this.#addLabels(`sha256:${hash.copy().digest("hex")}`, labels, context);
    }
    if (failed.error) throw failed.error;
    const digest = `sha256:${hash.digest("hex")}`;
    return { mediaType: blob.mediaType, digest, size: Number(size) };
  }

  /** The blob was there already, perhaps without the labels that keep what it refers to. */
  async #addLabels(
    digest: string,
    labels: Record<string, string>,
    context: CallContext,
  ): Promise<void> {
    const paths = Object.keys(labels).map((key) => `labels.${key}`);
    if (paths.length === 0) return;
    const info = create(InfoSchema, { digest, labels });
    await this.#services.content.update({ info, updateMask: { paths } }, context);
  }
}

/** Gathers small pieces into larger ones. A source that fails does so after all that it gave. */
export async function* inPieces(data: ByteStream): ByteStream {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const iterator = data[Symbol.asyncIterator]();
  let failed: { error: unknown } | undefined;
  try {
    for (;;) {
      const { done, value } = await iterator.next().catch((error: unknown) => {
        failed = { error };
        return { done: true, value: undefined } as const;
      });
      if (done) break;
      for (let at = 0; at < value.length; at += WRITE_BYTES) {
        const piece = value.subarray(at, at + WRITE_BYTES);
        parts.push(piece);
        bytes += piece.length;
        if (bytes < WRITE_BYTES) continue;
        yield parts.length === 1 ? piece : Buffer.concat(parts);
        parts = [];
        bytes = 0;
      }
    }
    if (bytes > 0) yield Buffer.concat(parts);
  } finally {
    await iterator.return?.();
  }
  if (failed) throw failed.error;
}

/** Notes a source's own failure: through the stream it would come back as a mere cancellation. */
export async function* watched<T>(
  items: AsyncIterable<T>,
  failed: { error?: unknown },
): AsyncIterable<T> {
  try {
    yield* items;
  } catch (error) {
    failed.error = error;
    throw error;
  }
}
