import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  DataSchema,
  WindowUpdateSchema,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import { failure } from "#lib/errors/chain_error.ts";
import type { ClientStream } from "./client_stream.ts";

/** The longest piece that a sender sends. */
const MAX_PIECE_BYTES = 32 * 1024;
/** What a receiver lets its sender have under way: two pieces, as genuine clients do. */
const WINDOW_BYTES = 2 * MAX_PIECE_BYTES;

/** Reads the bytes that a client sends, giving it leave to send more as they are taken. */
export async function* receiveBytes(stream: ClientStream): AsyncGenerator<Uint8Array> {
  let window = 0;
  for (;;) {
    if (window < WINDOW_BYTES) {
      stream.send(WindowUpdateSchema, { update: WINDOW_BYTES });
      window += WINDOW_BYTES;
    }
    const { done, value } = await stream.incoming.next();
    if (done) return;
    if (typeOf(value) !== DataSchema.typeName) continue;
    const { data } = fromBinary(DataSchema, value.value);
    window -= data.length;
    yield data;
  }
}

/** Sends bytes to a client, no more at a time than it gave leave for; then ends the stream. */
export async function sendBytes(
  stream: ClientStream,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const leave = new SendLeave(stream);
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const length = Math.min(MAX_PIECE_BYTES, chunk.length - at, await leave.some());
      stream.send(DataSchema, { data: chunk.subarray(at, at + length) });
      leave.spend(length);
      at += length;
    }
  }
  stream.close();
}

/** How many bytes a client still lets us send. */
class SendLeave {
  #bytes = 0;
  #ended = false;
  #wake: () => void = () => {};

  constructor(stream: ClientStream) {
    void this.#listen(stream);
  }

  async some(): Promise<number> {
    while (this.#bytes <= 0) {
      if (this.#ended) {
        const message = "the client left before it had everything";
        throw failure({ layer: "containerd", op: "transfer.send", code: "cancelled", message });
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#bytes;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }

  async #listen({ incoming }: ClientStream): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await incoming.next();
        if (done) break;
        if (typeOf(value) !== WindowUpdateSchema.typeName) continue;
        this.#bytes += Math.max(0, fromBinary(WindowUpdateSchema, value.value).update);
        this.#wake();
      }
    } catch {
      // It was cut off: told by whoever waits for leave.
    }
    this.#ended = true;
    this.#wake();
  }
}

function typeOf({ typeUrl }: Any): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}
