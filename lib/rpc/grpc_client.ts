import type { DescService } from "@bufbuild/protobuf";
import type { Status } from "#gen/lib/rpc/proto/status_pb.ts";
import { failure } from "../errors/chain_error.ts";
import { ClientCall } from "./client_call.ts";
import type { GrpcChannel } from "./grpc_channel.ts";
import { MessageQueue } from "./message_queue.ts";
import { type MethodCodec, methodCodecs } from "./method_codec.ts";
import type { CallContext, ServiceClient } from "./service.ts";
import type { WireErrors } from "./wire_errors.ts";

/** The client of any protobuf service over a channel; its calls reject with what `errors` makes. */
export function grpcClient<S extends DescService>(
  service: S,
  channel: GrpcChannel,
  errors: WireErrors,
): ServiceClient<S> {
  const out: Record<string, unknown> = {};
  for (const codec of methodCodecs(service)) {
    const caller = new MethodCaller(codec, channel, errors);
    out[codec.localName] = caller.callable();
  }
  return out as ServiceClient<S>;
}

class MethodCaller {
  readonly #codec: MethodCodec;
  readonly #channel: GrpcChannel;
  readonly #errors: WireErrors;

  constructor(codec: MethodCodec, channel: GrpcChannel, errors: WireErrors) {
    this.#codec = codec;
    this.#channel = channel;
    this.#errors = errors;
  }

  callable(): unknown {
    const { streamsOut } = this.#codec;
    return streamsOut
      ? (asked: unknown, context: CallContext) => this.#replies(asked, context)
      : (asked: unknown, context: CallContext) => this.#reply(asked, context);
  }

  /** A call with one answer; `asked` is one request, or a stream of them. */
  #reply(asked: unknown, context: CallContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let reply: { message: unknown } | undefined;
      const call = new ClientCall(this.#channel, this.#codec, context, {
        message: (message) => {
          reply = { message };
        },
        waiting: () => 0,
        ended: (status) => {
          if (status) reject(this.#error(status));
          else if (reply) resolve(reply.message);
          else reject(this.#noReply());
        },
      });
      // What the caller's own stream throws is what it gets back.
      this.#ask(call, asked, reject);
    });
  }

  /** A call with a stream of answers, which begins now, and not when it is first read. */
  #replies(asked: unknown, context: CallContext): AsyncIterable<unknown> {
    let ownError: { thrown: unknown } | undefined;
    const queue = new MessageQueue<unknown>(() => call.taken());
    const call = new ClientCall(this.#channel, this.#codec, context, {
      message: (message) => queue.push(message),
      waiting: () => queue.length,
      ended: (status) => queue.end(status && (ownError ?? { thrown: this.#error(status) })),
    });
    this.#ask(call, asked, (thrown) => {
      ownError = { thrown };
    });
    return readUntilLeft(queue, call);
  }

  #ask(call: ClientCall, asked: unknown, failed: (thrown: unknown) => void): void {
    if (!this.#codec.streamsIn) {
      call.begin(asked);
      return;
    }
    call.begin();
    void call.sendAll(asked as AsyncIterable<unknown>, failed);
  }

  #noReply() {
    const { layer } = this.#errors;
    const { op } = this.#codec;
    return failure({ layer, op, code: "internal", message: "the server sent no answer" });
  }

  #error(status: Status): unknown {
    return this.#errors.fromStatus(status, this.#codec.op);
  }
}

async function* readUntilLeft(
  queue: MessageQueue<unknown>,
  call: ClientCall,
): AsyncGenerator<unknown, void, undefined> {
  try {
    yield* queue.read();
  } finally {
    call.cancel();
  }
}
