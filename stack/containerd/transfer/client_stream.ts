import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { failure } from "#lib/errors/chain_error.ts";

/** What waits to be sent: a window of data, or the progress of one transfer. */
const MAX_QUEUED = 4096;

/** A stream that a client opened beside its calls: messages both ways, until one side ends. */
export class ClientStream {
  /** What the client sends; ends when it does. */
  readonly incoming: AsyncIterator<Any>;
  readonly #queue: Any[] = [];
  #wake: () => void = () => {};
  #closed = false;

  constructor(incoming: AsyncIterator<Any>) {
    this.incoming = incoming;
  }

  /** Sends a message. Rejects nothing: a stream that the client left takes it in vain. */
  send<D extends DescMessage>(schema: D, message: MessageInitShape<D>): void {
    if (this.#closed) return;
    if (this.#queue.length >= MAX_QUEUED) {
      const text = `more than ${MAX_QUEUED} messages wait for a client that does not read`;
      const op = "streaming.send";
      throw failure({ layer: "containerd", op, code: "resource_exhausted", message: text });
    }
    const value = toBinary(schema, create(schema, message));
    this.#queue.push(create(AnySchema, { typeUrl: schema.typeName, value }));
    this.#wake();
  }

  /** Ends the stream once what was sent has left. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** What is to be sent, until `close`. */
  async *outgoing(signal: AbortSignal | undefined): AsyncGenerator<Any> {
    const left = (): void => this.close();
    signal?.addEventListener("abort", left, { once: true });
    if (signal?.aborted) this.close();
    try {
      for (;;) {
        const next = this.#queue.shift();
        if (next) yield next;
        else if (this.#closed) return;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      this.#closed = true;
      signal?.removeEventListener("abort", left);
    }
  }
}

/** The streams that are open, by namespace and id. */
export class ClientStreams {
  readonly #streams = new Map<string, ClientStream>();

  /** Takes a stream in. Throws "already_exists" for an id that is in use. */
  add(namespace: string, id: string, stream: ClientStream): () => void {
    const key = `${namespace}\0${id}`;
    if (this.#streams.has(key)) throw refusal("already_exists", `stream ${id}: already exists`);
    this.#streams.set(key, stream);
    return () => this.#streams.delete(key);
  }

  get(namespace: string, id: string): ClientStream {
    const found = this.#streams.get(`${namespace}\0${id}`);
    if (!found) throw refusal("not_found", `stream ${id}: not found`);
    return found;
  }
}

function refusal(code: "already_exists" | "not_found", message: string) {
  return failure({ layer: "containerd", op: "streaming.stream", code, message });
}
