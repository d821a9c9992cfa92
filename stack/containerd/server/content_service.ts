import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Content,
  InfoSchema,
  StatusSchema,
  WriteContentRequest,
  WriteContentResponseSchema,
} from "#gen/wire/containerd-api/proto/content_pb.ts";
import { WriteAction } from "#gen/wire/containerd-api/proto/content_pb.ts";
import { ContentDeleteSchema } from "#gen/wire/containerd-api/proto/events/content_pb.ts";
import { failure } from "#lib/errors/chain_error.ts";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import { timestampOfUs } from "#lib/rpc/timestamp.ts";
import { type ContentStores, ContentWriter } from "../content/content_writer.ts";
import type { IngestStatus } from "../content/ingest_store.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { GarbageScheduler } from "../gc/garbage_scheduler.ts";
import type { BlobRecord } from "../metadata/blob_store.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";

/** Bytes in one message of a read: what genuine containerd sends. */
const READ_CHUNK_BYTES = 32 * 1024;
/** Records in one message of a list. */
const LIST_BATCH = 100;

type WriteReply = MessageInitShape<typeof WriteContentResponseSchema>;

/** The content service over the content store. */
export function contentService(
  stores: ContentStores,
  events: EventBus,
  garbage: GarbageScheduler,
): ServiceImplementation<typeof Content> {
  const { blobs, ingests } = stores;
  return {
    info: async ({ digest }, context) => ({
      info: infoOf(blobs.info(namespaceOf(context), digest)),
    }),
    update: async ({ info, updateMask }, context) => {
      if (!info) throw refuse("invalid_argument", "info must be set");
      const mask = updateMask?.paths ?? [];
      const updated = blobs.update(namespaceOf(context), info.digest, info.labels, mask);
      return { info: infoOf(updated) };
    },
    list: async function* ({ filters }, context) {
      const found = blobs.list(namespaceOf(context), filters);
      for (let at = 0; at < found.length; at += LIST_BATCH) {
        yield { info: found.slice(at, at + LIST_BATCH).map(infoOf) };
      }
    },
    delete: async ({ digest }, context) => {
      const namespace = namespaceOf(context);
      blobs.delete(namespace, digest);
      // The bytes go with the next collection, once no namespace knows them.
      garbage.schedule();
      events.publish(namespace, "/content/delete", ContentDeleteSchema, { digest });
      return {};
    },
    read: (request, context) => readContent(stores, request, context),
    status: async ({ ref }, context) => ({
      status: statusOf(ingests.status(namespaceOf(context), ref)),
    }),
    listStatuses: async ({ filters }, context) => ({
      statuses: ingests.list(namespaceOf(context), filters).map(statusOf),
    }),
    write: (requests, context) => writeContent(stores, requests, context),
    abort: async ({ ref }, context) => {
      ingests.abort(namespaceOf(context), ref);
      return {};
    },
  };
}

async function* readContent(
  stores: ContentStores,
  request: { digest: string; offset: bigint; size: bigint },
  context: CallContext,
) {
  const blob = stores.blobs.info(namespaceOf(context), request.digest);
  const from = Math.max(0, Number(request.offset));
  if (from > blob.size) {
    throw failure({
      layer: "containerd",
      op: "content.read",
      code: "out_of_range",
      message: `read past object length ${blob.size} bytes`,
    });
  }
  const wanted = Number(request.size);
  const end = wanted <= 0 || from + wanted > blob.size ? blob.size : from + wanted;
  const file = await stores.content.openBlob(request.digest);
  try {
    for (let at = from; at < end && !context.signal?.aborted; ) {
      const data = new Uint8Array(Math.min(READ_CHUNK_BYTES, end - at));
      const { bytesRead } = await file.read(data, 0, data.length, at);
      if (bytesRead === 0) break;
      // Offsets count from the request's own, as genuine containerd's do.
      yield { offset: BigInt(at - from), data: data.subarray(0, bytesRead) };
      at += bytesRead;
    }
  } finally {
    await file.close();
  }
}

async function* writeContent(
  stores: ContentStores,
  requests: AsyncIterable<WriteContentRequest>,
  context: CallContext,
): AsyncGenerator<WriteReply> {
  const namespace = namespaceOf(context);
  let session: WriteSession | undefined;
  try {
    for await (const request of requests) {
      session ??= await WriteSession.open(stores, namespace, request, context);
      yield await session.take(request);
      if (request.action !== WriteAction.COMMIT) continue;
      // Genuine containerd repeats its last reply when the session ends well.
      yield session.reply;
      return;
    }
    if (!session) {
      throw refuse("invalid_argument", "first message must have a reference");
    }
    yield session.reply;
  } finally {
    await session?.close();
  }
}

/** One stream of Write: the replies carry what the previous ones said unless it changed. */
class WriteSession {
  readonly #stores: ContentStores;
  readonly #namespace: string;
  readonly #ref: string;
  readonly #lease: string | undefined;
  readonly #writer: ContentWriter;
  #total: number;
  #expected: string;
  reply: WriteReply = {};

  private constructor(
    stores: ContentStores,
    namespace: string,
    first: WriteContentRequest,
    lease: string | undefined,
    writer: ContentWriter,
  ) {
    this.#stores = stores;
    this.#namespace = namespace;
    this.#lease = lease;
    this.#ref = first.ref;
    this.#writer = writer;
    this.#total = Number(first.total);
    this.#expected = first.expected;
  }

  static async open(
    stores: ContentStores,
    namespace: string,
    first: WriteContentRequest,
    context: CallContext,
  ): Promise<WriteSession> {
    const { ref, expected } = first;
    if (ref === "") throw refuse("invalid_argument", "first message must have a reference");
    const total = Number(first.total);
    const request = { namespace, lease: context.lease, ref, expected, total };
    const writer = await ContentWriter.open(stores, request);
    return new WriteSession(stores, namespace, first, context.lease, writer);
  }

  async take(request: WriteContentRequest): Promise<WriteReply> {
    await this.#learn(request);
    const reply: WriteReply = { ...this.reply, action: request.action };
    reply.offset = BigInt(this.#writer.offset);
    if (request.action === WriteAction.STAT) {
      reply.digest = this.#writer.digest;
      reply.startedAt = timestampOfUs(this.#writer.startedUs);
      reply.updatedAt = timestampOfUs(this.#writer.updatedUs);
      reply.total = BigInt(this.#total);
    } else {
      await this.#write(request);
      reply.offset = BigInt(this.#writer.offset);
      if (request.action === WriteAction.COMMIT) {
        reply.digest = this.#writer.digest;
        await this.#writer.commit(this.#total, this.#expected, request.labels);
      } else reply.digest = this.#writer.digest;
    }
    this.reply = reply;
    return reply;
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  /** Takes over what a request says of size and digest; known content ends the ingest. */
  async #learn(request: WriteContentRequest): Promise<void> {
    if (request.total > 0n) this.#total = Number(request.total);
    if (request.expected === "") return;
    this.#expected = request.expected;
    const { blobs, leases, ingests } = this.#stores;
    if (!blobs.find(this.#namespace, request.expected)) return;
    // Nothing else may refer to it any more: the client that is told of it must still find it.
    const resource = { type: "content", id: request.expected };
    leases.hold(this.#namespace, this.#lease, resource);
    await this.#writer.close();
    ingests.abort(this.#namespace, this.#ref);
    throw failure({
      layer: "containerd",
      op: "content.write",
      code: "already_exists",
      message: `blob with expected digest ${request.expected} exists`,
    });
  }

  async #write(request: WriteContentRequest): Promise<void> {
    const at = this.#writer.offset;
    const offset = Number(request.offset);
    if (offset > 0 && offset !== at) {
      throw failure({
        layer: "containerd",
        op: "content.write",
        code: "out_of_range",
        message: `write @${offset} must occur at current offset ${at}`,
      });
    }
    if (offset === 0 && at > 0) await this.#writer.restart();
    if (request.data.length > 0) await this.#writer.write(request.data);
  }
}

function infoOf(blob: BlobRecord): MessageInitShape<typeof InfoSchema> {
  return {
    digest: blob.digest,
    size: BigInt(blob.size),
    createdAt: timestampOfUs(blob.createdUs),
    updatedAt: timestampOfUs(blob.updatedUs),
    labels: blob.labels,
  };
}

function statusOf(status: IngestStatus): MessageInitShape<typeof StatusSchema> {
  return {
    ref: status.ref,
    offset: BigInt(status.offset),
    total: BigInt(status.total),
    expected: status.expected,
    startedAt: timestampOfUs(status.startedUs),
    updatedAt: timestampOfUs(status.updatedUs),
  };
}
