import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { StreamInitSchema } from "#gen/wire/containerd-api/proto/streaming_pb.ts";
import {
  DataSchema,
  WindowUpdateSchema,
} from "#gen/wire/containerd-api/proto/types/transfer_pb.ts";
import type { ContainerdClient } from "../lib/containerd_client.ts";

const PIECE_BYTES = 32 * 1024;

/** Packs a message as containerd's clients do: its bare name is the type. */
export function any<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Any {
  const value = toBinary(schema, create(schema, message));
  return create(AnySchema, { typeUrl: schema.typeName, value });
}

/** A stream beside the calls, from the client's side. */
export class OpenStream {
  readonly incoming: AsyncIterable<Any>;
  readonly #queue: Any[] = [];
  #wake: () => void = () => {};
  #ended = false;

  private constructor(client: ContainerdClient, id: string) {
    this.#queue.push(any(StreamInitSchema, { id }));
    this.incoming = client.services.streaming.stream(this.#outgoing(), client.context);
  }

  /** Opens it and waits until it can be named in a call. */
  static async open(client: ContainerdClient, id: string): Promise<OpenStream> {
    const stream = new OpenStream(client, id);
    const iterator = stream.incoming[Symbol.asyncIterator]();
    await iterator.next();
    Object.assign(stream, { incoming: { [Symbol.asyncIterator]: () => iterator } });
    return stream;
  }

  async *#outgoing(): AsyncGenerator<Any> {
    while (!this.#ended || this.#queue.length > 0) {
      const next = this.#queue.shift();
      if (next) yield next;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Sends a message; without one, the end. */
  send(message?: Any): void {
    if (message) this.#queue.push(message);
    else this.#ended = true;
    this.#wake();
  }

  /** Sends as much as it is given leave for, to the end. */
  async sendAll(bytes: Uint8Array): Promise<void> {
    let at = 0;
    for await (const message of this.incoming) {
      let leave = fromBinary(WindowUpdateSchema, message.value).update;
      while (leave > 0 && at < bytes.length) {
        const data = bytes.subarray(at, at + Math.min(PIECE_BYTES, leave));
        this.send(any(DataSchema, { data }));
        at += data.length;
        leave -= data.length;
      }
      if (at === bytes.length) this.send();
    }
  }

  async receiveAll(): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    this.send(any(WindowUpdateSchema, { update: PIECE_BYTES }));
    for await (const message of this.incoming) {
      const { data } = fromBinary(DataSchema, message.value);
      chunks.push(data);
      this.send(any(WindowUpdateSchema, { update: data.length }));
    }
    this.send();
    return Buffer.concat(chunks);
  }
}
