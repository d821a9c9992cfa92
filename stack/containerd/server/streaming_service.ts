import { create, fromBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema, EmptySchema } from "@bufbuild/protobuf/wkt";
import { StreamInitSchema, type Streaming } from "#gen/wire/containerd-api/proto/streaming_pb.ts";
import type { CallContext, ServiceImplementation } from "#lib/rpc/service.ts";
import { namespaceOf } from "../metadata/identifier.ts";
import { refuse } from "../metadata/refusal.ts";
import { ClientStream, type ClientStreams } from "../transfer/client_stream.ts";

/** The streaming service: keeps the streams of clients until a transfer is done with them. */
export function streamingService(streams: ClientStreams): ServiceImplementation<typeof Streaming> {
  return {
    stream: (requests, context) => serveStream(streams, requests, context),
  };
}

async function* serveStream(
  streams: ClientStreams,
  requests: AsyncIterable<Any>,
  context: CallContext,
): AsyncGenerator<Any> {
  const incoming = requests[Symbol.asyncIterator]();
  const { done, value } = await incoming.next();
  if (done) throw refuse("invalid_argument", "the first message of a stream must have its id");
  const stream = new ClientStream(incoming);
  const remove = streams.add(namespaceOf(context), idOf(value), stream);
  try {
    // Tells the client that the stream can be named in a call.
    yield create(AnySchema, { typeUrl: EmptySchema.typeName });
    yield* stream.outgoing(context.signal);
  } finally {
    remove();
    await incoming.return?.();
  }
}

function idOf({ typeUrl, value }: Any): string {
  if (!typeUrl.endsWith(StreamInitSchema.typeName)) {
    throw refuse("invalid_argument", `the first message of a stream is a ${typeUrl}`);
  }
  return fromBinary(StreamInitSchema, value).id;
}
