import type { DescService } from "@bufbuild/protobuf";
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientWritableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { type Status, StatusSchema } from "#gen/lib/rpc/proto/status_pb.ts";
import { contextFields, DETAILS_TRAILER } from "./call_fields.ts";
import { MAX_MESSAGE_BYTES } from "./message_framing.ts";
import { type MethodCodec, methodCodecs } from "./method_codec.ts";
import type { CallContext, ServiceClient } from "./service.ts";
import { readMessages } from "./stream_reader.ts";
import type { WireErrors } from "./wire_errors.ts";

/**
 * A connection to a gRPC server on a unix socket. It connects at the first call and again after the
 * server was gone; calls meanwhile fail with "unavailable" at once.
 */
export class GrpcChannel {
  readonly client: Client;

  /** `address` is the absolute path of the socket. */
  constructor(address: string) {
    this.client = new Client(`unix:${address}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2000,
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  close(): void {
    this.client.close();
  }
}

/** The client of any protobuf service over a channel; its calls reject with what `errors` makes. */
export function grpcClient<S extends DescService>(
  service: S,
  channel: GrpcChannel,
  errors: WireErrors,
): ServiceClient<S> {
  const out: Record<string, unknown> = {};
  for (const codec of methodCodecs(service)) {
    const caller = new MethodCaller(codec, channel.client, errors);
    out[codec.localName] = caller.callable();
  }
  return out as ServiceClient<S>;
}

interface Cancellable {
  cancel(): void;
}

class MethodCaller {
  readonly #codec: MethodCodec;
  readonly #client: Client;
  readonly #errors: WireErrors;

  constructor(codec: MethodCodec, client: Client, errors: WireErrors) {
    this.#codec = codec;
    this.#client = client;
    this.#errors = errors;
  }

  callable(): unknown {
    const { streamsIn, streamsOut } = this.#codec;
    if (streamsIn && streamsOut) {
      return (requests: AsyncIterable<unknown>, context: CallContext) =>
        this.#bidi(requests, context);
    }
    if (streamsIn) {
      return (requests: AsyncIterable<unknown>, context: CallContext) =>
        this.#clientStream(requests, context);
    }
    if (streamsOut) {
      return (request: unknown, context: CallContext) => this.#serverStream(request, context);
    }
    return (request: unknown, context: CallContext) => this.#unary(request, context);
  }

  #unary(request: unknown, context: CallContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { path, encodeRequest, decodeReply } = this.#codec;
      let release = (): void => {};
      const call = this.#client.makeUnaryRequest(
        path,
        encodeRequest,
        decodeReply,
        request,
        metadataOf(context),
        callOptions(context),
        (error, reply) => {
          release();
          if (error) reject(this.#error(error));
          else resolve(reply);
        },
      );
      release = cancelOnAbort(call, context.signal);
    });
  }

  #serverStream(request: unknown, context: CallContext): AsyncIterable<unknown> {
    const { path, encodeRequest, decodeReply } = this.#codec;
    const call = this.#client.makeServerStreamRequest(
      path,
      encodeRequest,
      decodeReply,
      request,
      metadataOf(context),
      callOptions(context),
    );
    call.on("close", cancelOnAbort(call, context.signal));
    return readMessages(call, { fail: (e) => this.#error(e), left: () => call.cancel() });
  }

  #clientStream(requests: AsyncIterable<unknown>, context: CallContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { path, encodeRequest, decodeReply } = this.#codec;
      let release = (): void => {};
      const call = this.#client.makeClientStreamRequest(
        path,
        encodeRequest,
        decodeReply,
        metadataOf(context),
        callOptions(context),
        (error, reply) => {
          release();
          if (error) reject(this.#error(error));
          else resolve(reply);
        },
      );
      release = cancelOnAbort(call, context.signal);
      sendAll(call, requests).catch((error) => {
        call.cancel();
        reject(error);
      });
    });
  }

  async *#bidi(
    requests: AsyncIterable<unknown>,
    context: CallContext,
  ): AsyncGenerator<unknown, void, undefined> {
    const { path, encodeRequest, decodeReply } = this.#codec;
    const call: ClientDuplexStream<unknown, unknown> = this.#client.makeBidiStreamRequest(
      path,
      encodeRequest,
      decodeReply,
      metadataOf(context),
      callOptions(context),
    );
    call.on("close", cancelOnAbort(call, context.signal));
    let sendError: { thrown: unknown } | undefined;
    sendAll(call, requests).catch((thrown) => {
      // The caller's own iterable failed: what it threw is what it gets back.
      sendError = { thrown };
      call.cancel();
    });
    try {
      yield* readMessages(call, {
        fail: (error) => sendError?.thrown ?? this.#error(error),
        left: () => call.cancel(),
      });
    } finally {
      call.end();
    }
  }

  #error(thrown: unknown): unknown {
    if (!isServiceError(thrown)) return thrown;
    return this.#errors.fromStatus(statusOf(thrown), this.#codec.op);
  }
}

function metadataOf(context: CallContext): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of contextFields(context)) metadata.set(name, value);
  return metadata;
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && typeof (thrown as Partial<ServiceError>).code === "number";
}

function statusOf(error: ServiceError) {
  const trailer = (error.metadata as Metadata | undefined)?.get(DETAILS_TRAILER)[0];
  const detailed = trailer instanceof Uint8Array ? parseStatus(trailer) : undefined;
  const details = detailed?.details ?? [];
  return create(StatusSchema, { code: error.code, message: error.details, details });
}

function callOptions(context: CallContext): CallOptions {
  return context.timeoutMs === undefined ? {} : { deadline: Date.now() + context.timeoutMs };
}

/** Decodes a status that came as bytes from a foreign process. Undefined when it does not parse. */
function parseStatus(bytes: Uint8Array): Status | undefined {
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}

/** Cancels the call when the signal aborts. Returns what forgets the signal again. */
function cancelOnAbort(call: Cancellable, signal: AbortSignal | undefined): () => void {
  if (!signal) return () => {};
  if (signal.aborted) {
    // After the caller has attached its listeners, which a cancelled call notifies.
    queueMicrotask(() => call.cancel());
    return () => {};
  }
  const cancel = (): void => call.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}

async function sendAll(
  call: ClientWritableStream<unknown>,
  requests: AsyncIterable<unknown>,
): Promise<void> {
  let closed = false;
  let wake: () => void = () => {};
  call.on("drain", () => wake());
  for (const event of ["close", "error", "status", "end"]) {
    call.on(event, () => {
      closed = true;
      wake();
    });
  }
  for await (const request of requests) {
    if (closed) return;
    if (call.write(request)) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (closed) resolve();
    });
  }
  call.end();
}
