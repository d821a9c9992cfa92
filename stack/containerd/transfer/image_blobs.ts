import { createHash } from "node:crypto";
import { type Content, WriteAction } from "#gen/wire/containerd-api/proto/content_pb.ts";
import { ChainError } from "#lib/errors/chain_error.ts";
import type { CallContext, ServiceClient } from "#lib/rpc/service.ts";
import { refuse } from "../metadata/refusal.ts";

/** Manifests and configurations are small; what is larger is none. */
const MAX_JSON_BYTES = 8 * 1024 * 1024;
/** As many of a blob's first bytes as tell its compression. */
const HEAD_BYTES = 4;

export interface StoredBlob {
  digest: string;
  size: number;
  /** The first bytes. */
  head: Uint8Array;
}

/** The content service as transfers use it: whole blobs in, whole blobs out. */
export class ImageBlobs {
  readonly #content: ServiceClient<typeof Content>;
  readonly #context: CallContext;

  constructor(content: ServiceClient<typeof Content>, context: CallContext) {
    this.#content = content;
    this.#context = context;
  }

  /** The size of a blob; undefined when it is not there. */
  async size(digest: string): Promise<number | undefined> {
    try {
      const { info } = await this.#content.info({ digest }, this.#context);
      return Number(info?.size ?? 0);
    } catch (error) {
      if (error instanceof ChainError && error.outer.code === "not_found") return undefined;
      throw error;
    }
  }

  /** Stores what `bytes` yields. With `expected` anything else is refused. */
  async store(bytes: AsyncIterable<Uint8Array>, expected = ""): Promise<StoredBlob> {
    const hash = createHash("sha256");
    const ref = `transfer-${expected || crypto.randomUUID()}`;
    const head: number[] = [];
    let offset = 0n;
    async function* requests() {
      yield { action: WriteAction.STAT, ref, expected };
      for await (const data of bytes) {
        hash.update(data);
        head.push(...data.subarray(0, HEAD_BYTES - head.length));
        yield { action: WriteAction.WRITE, ref, expected, offset, data };
        offset += BigInt(data.length);
      }
      yield { action: WriteAction.COMMIT, ref, expected, offset, total: offset };
    }
    try {
      for await (const _reply of this.#content.write(requests(), this.#context)) {
        // Each answer lets the next request go.
      }
    } catch (error) {
      if (!isKnown(error)) {
        await this.#content.abort({ ref }, this.#context).catch(() => {});
        throw error;
      }
    }
    const digest = expected || `sha256:${hash.digest("hex")}`;
    return { digest, size: Number(offset), head: Uint8Array.from(head) };
  }

  /** Stores a JSON document. */
  async storeJson(value: unknown): Promise<StoredBlob> {
    const bytes = Buffer.from(JSON.stringify(value));
    async function* once() {
      yield bytes;
    }
    return await this.store(once());
  }

  async *read(digest: string): AsyncGenerator<Uint8Array> {
    for await (const { data } of this.#content.read({ digest }, this.#context)) yield data;
  }

  /** Reads a JSON document. Throws "invalid_argument" for what is none. */
  async readJson(digest: string): Promise<Record<string, unknown>> {
    return parseJson(await wholeOf(this.read(digest), digest), digest);
  }

  /** Adds labels to a blob. */
  async label(digest: string, labels: Record<string, string>): Promise<void> {
    const paths = Object.keys(labels).map((name) => `labels.${name}`);
    if (paths.length === 0) return;
    await this.#content.update({ info: { digest, labels }, updateMask: { paths } }, this.#context);
  }
}

/** Reads a small document to its end. Throws "invalid_argument" when it is not small. */
export async function wholeOf(bytes: AsyncIterable<Uint8Array>, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > MAX_JSON_BYTES) {
      throw refuse("invalid_argument", `${name} is longer than ${MAX_JSON_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Parses a document that has to be an object or a list. */
export function parseJson(bytes: Buffer, name: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof parsed === "object" && parsed !== null) return parsed as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw refuse("invalid_argument", `${name} is no JSON document`);
}

function isKnown(error: unknown): boolean {
  return error instanceof ChainError && error.outer.code === "already_exists";
}
