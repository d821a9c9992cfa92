import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { RequestSchema, ResponseSchema } from "#gen/wire/task-ttrpc/proto/ttrpc_pb.ts";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { SocketWriter } from "#lib/rpc/socket_writer.ts";
import { errorFromStatus } from "#lib/rpc/status_codec.ts";
import { cancelled, connectionClosed, deadlineExceeded } from "../errors.ts";
import { metadataFromContext, timeoutNano } from "../framing/call_metadata.ts";
import { encodeFrame, FRAME, type Frame, FrameReader } from "../framing/frame_codec.ts";

interface PendingCall {
  op: string;
  resolve(payload: Uint8Array): void;
  reject(error: unknown): void;
  /** Removes timer and abort listener. */
  release(): void;
}

/** Calls under way on one connection; containers each keep one Wait open. */
const MAX_PENDING_CALLS = 65_536;

export interface ConnectOptions {
  /** Path of the unix socket. */
  path: string;
  /** Who answers at the other end: the layer of errors that come back as text. */
  peer: Layer;
  /** Called once when the connection has ended, for whatever reason. */
  onClose?(): void;
}

/** One client connection. Requests are multiplexed by stream number; there is no reconnect. */
export class TtrpcConnection {
  readonly path: string;
  readonly peer: Layer;
  readonly #calls = new Map<number, PendingCall>();
  readonly #reader = new FrameReader();
  readonly #onClose: (() => void) | undefined;
  #writer: SocketWriter | undefined;
  #end: (() => void) | undefined;
  #nextStream = 1;
  #closed = false;

  private constructor(options: ConnectOptions) {
    this.path = options.path;
    this.peer = options.peer;
    this.#onClose = options.onClose;
  }

  /** Connects. Rejects with a ChainError (`unavailable`, `not_found`) when nobody listens. */
  static async connect(options: ConnectOptions): Promise<TtrpcConnection> {
    const connection = new TtrpcConnection(options);
    try {
      const socket = await Bun.connect({
        unix: options.path,
        socket: {
          data: (_socket, chunk) => connection.#receive(chunk),
          drain: () => connection.#writer?.drain(),
          close: () => connection.#ended(),
          error: () => connection.#ended(),
        },
      });
      connection.#writer = new SocketWriter(socket);
      connection.#end = () => socket.end();
    } catch (thrown) {
      throw toChainError(thrown, options.peer, "connect").wrap({
        layer: options.peer,
        op: "connect",
        code: "unavailable",
        message: `dial unix ${options.path}`,
        evidence: [{ kind: "path", value: "unix socket", ref: options.path }],
      });
    }
    return connection;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends one unary request and waits for its answer's payload. */
  call(service: string, method: string, payload: Uint8Array, context: CallContext) {
    const op = method.toLowerCase();
    const { signal } = context;
    return new Promise<Uint8Array>((resolve, reject) => {
      if (this.#closed) return reject(connectionClosed(this.peer, op, this.path));
      if (signal?.aborted) return reject(cancelled(this.peer, op));
      if (this.#calls.size >= MAX_PENDING_CALLS) {
        const message = `more than ${MAX_PENDING_CALLS} calls under way`;
        return reject(failure({ layer: this.peer, op, code: "resource_exhausted", message }));
      }
      const stream = this.#newStream();
      const abandon = (error: unknown) => {
        this.#finish(stream)?.reject(error);
      };
      const onAbort = () => abandon(cancelled(this.peer, op));
      signal?.addEventListener("abort", onAbort, { once: true });
      const timer =
        context.timeoutMs === undefined
          ? undefined
          : setTimeout(
              () => abandon(deadlineExceeded(this.peer, op, this.path)),
              context.timeoutMs,
            );
      const release = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      this.#calls.set(stream, { op, resolve, reject, release });
      try {
        this.#send(stream, service, method, payload, context);
      } catch (error) {
        abandon(toChainError(error, this.peer, op));
      }
    });
  }

  /** Ends the connection; calls under way are rejected. */
  close(): void {
    this.#end?.();
    this.#ended();
  }

  #newStream(): number {
    // Clients use odd numbers. Numbers still in use after a wrap are passed over.
    let stream = this.#nextStream;
    while (this.#calls.has(stream)) stream = (stream + 2) % 2 ** 32;
    this.#nextStream = (stream + 2) % 2 ** 32;
    return stream;
  }

  #send(
    stream: number,
    service: string,
    method: string,
    payload: Uint8Array,
    context: CallContext,
  ): void {
    const request = create(RequestSchema, {
      service,
      method,
      payload,
      timeoutNano: timeoutNano(context),
      metadata: metadataFromContext(context),
    });
    const data = toBinary(RequestSchema, request);
    this.#writer?.write(encodeFrame({ stream, type: FRAME.REQUEST, flags: 0, data }));
  }

  #finish(stream: number): PendingCall | undefined {
    const call = this.#calls.get(stream);
    if (!call) return undefined;
    this.#calls.delete(stream);
    call.release();
    return call;
  }

  #receive(chunk: Uint8Array): void {
    this.#reader.push(chunk, (frame, oversized) => {
      if (frame.type !== FRAME.RESPONSE) return;
      // An answer whose call was abandoned is dropped: ttrpc has no way to cancel.
      const call = this.#finish(frame.stream);
      if (call) this.#settle(call, frame, oversized);
    });
  }

  #settle(call: PendingCall, frame: Frame, oversized: boolean): void {
    const { op } = call;
    if (oversized) {
      const message = "the answer exceeds the maximum message size";
      call.reject(failure({ layer: this.peer, op, code: "resource_exhausted", message }));
      return;
    }
    try {
      const { status, payload } = fromBinary(ResponseSchema, frame.data);
      if (status && status.code !== 0) call.reject(errorFromStatus(status, this.peer, op));
      else call.resolve(payload);
    } catch (thrown) {
      const message = `the answer does not decode: ${String(thrown)}`;
      call.reject(failure({ layer: this.peer, op, code: "internal", message }));
    }
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const [stream, { op }] of [...this.#calls]) {
      this.#finish(stream)?.reject(connectionClosed(this.peer, op, this.path));
    }
    this.#onClose?.();
  }
}
