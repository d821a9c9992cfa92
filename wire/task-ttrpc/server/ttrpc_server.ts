import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Socket, UnixSocketListener } from "bun";
import {
  type Request,
  RequestSchema,
  ResponseSchema,
} from "#gen/wire/task-ttrpc/proto/ttrpc_pb.ts";
import { type ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import { statusFromError } from "#lib/rpc/status_codec.ts";
import { contextFromRequest } from "../framing/call_metadata.ts";
import { encodeFrame, FRAME, type Frame, FrameReader } from "../framing/frame_codec.ts";
import { SocketWriter } from "../framing/socket_writer.ts";
import type { TtrpcDispatch } from "./ttrpc_dispatch.ts";

/** Requests under way on one connection; each waiting container or exec holds one. */
const MAX_CALLS = 65_536;

/** Serves one connection: reads requests, runs them at once, answers as they finish. */
class ServerConnection {
  readonly #dispatch: TtrpcDispatch;
  readonly #writer: SocketWriter;
  readonly #reader = new FrameReader();
  /** Calls under way, so that a vanished caller's work is told. */
  readonly #calls = new Map<number, AbortController>();
  readonly #end: () => void;
  #lastStream = 0;

  constructor(dispatch: TtrpcDispatch, socket: Socket<SocketData>) {
    this.#dispatch = dispatch;
    this.#writer = new SocketWriter(socket);
    this.#end = () => socket.end();
  }

  receive(chunk: Uint8Array): void {
    this.#reader.push(chunk, (frame, oversized) => this.#take(frame, oversized));
  }

  drain(): void {
    this.#writer.drain();
  }

  closed(): void {
    for (const controller of this.#calls.values()) controller.abort();
    this.#calls.clear();
  }

  #take(frame: Frame, oversized: boolean): void {
    if (frame.type !== FRAME.REQUEST) return;
    const refusal = this.#refusal(frame.stream, oversized);
    if (frame.stream % 2 === 1 && frame.stream <= this.#lastStream) {
      // As Go's server: a repeated stream number means that the two sides no longer agree.
      this.#end();
    } else if (refusal) {
      this.#refuse(frame.stream, refusal);
    } else {
      this.#lastStream = frame.stream;
      void this.#run(frame);
    }
  }

  /** Why a request is not looked at, if it is not. */
  #refusal(stream: number, oversized: boolean): ChainError | undefined {
    const refused = (code: "resource_exhausted" | "invalid_argument", message: string) =>
      failure({ layer: this.#dispatch.layer, op: "receive", code, message });
    if (stream % 2 !== 1) {
      return refused("invalid_argument", "StreamID must be odd for client initiated streams");
    }
    if (oversized) return refused("resource_exhausted", "message exceeds maximum message size");
    if (this.#calls.size < MAX_CALLS) return undefined;
    return refused("resource_exhausted", `more than ${MAX_CALLS} requests under way`);
  }

  async #run(frame: Frame): Promise<void> {
    const { stream } = frame;
    const controller = new AbortController();
    this.#calls.set(stream, controller);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let op = "receive";
    try {
      const request = this.#decode(frame.data);
      op = request.method.toLowerCase();
      const context = contextFromRequest(request.metadata, request.timeoutNano);
      context.signal = controller.signal;
      if (context.timeoutMs) timer = setTimeout(() => controller.abort(), context.timeoutMs);
      const payload = await this.#dispatch.answer(request, context);
      this.#respond(stream, toBinary(ResponseSchema, create(ResponseSchema, { payload })));
    } catch (thrown) {
      this.#refuse(stream, toChainError(thrown, this.#dispatch.layer, op));
    } finally {
      clearTimeout(timer);
      this.#calls.delete(stream);
    }
  }

  #decode(data: Uint8Array): Request {
    try {
      return fromBinary(RequestSchema, data);
    } catch (thrown) {
      const message = `unmarshal request: ${String(thrown)}`;
      const { layer } = this.#dispatch;
      throw failure({ layer, op: "receive", code: "invalid_argument", message });
    }
  }

  #refuse(stream: number, error: ChainError): void {
    const status = statusFromError(error);
    this.#respond(stream, toBinary(ResponseSchema, create(ResponseSchema, { status })));
  }

  #respond(stream: number, data: Uint8Array): void {
    try {
      this.#writer.write(encodeFrame({ stream, type: FRAME.RESPONSE, flags: 0, data }));
    } catch (thrown) {
      // The reply is too long for a frame: say so, which is short.
      const error = toChainError(thrown, this.#dispatch.layer, "respond");
      if (thrown instanceof RangeError) this.#refuse(stream, error);
    }
  }
}

interface SocketData {
  connection?: ServerConnection;
}

/** A server that listens. */
export interface TtrpcServer {
  /** Stops accepting; with `now`, ends connections too. */
  stop(now: boolean): void;
}

/** Listens on the unix socket `path`, which must not exist yet. Throws when it cannot. */
export function serveTtrpc(path: string, dispatch: TtrpcDispatch): TtrpcServer {
  const listener: UnixSocketListener<SocketData> = Bun.listen<SocketData>({
    unix: path,
    socket: {
      open(socket) {
        socket.data = { connection: new ServerConnection(dispatch, socket) };
      },
      data: (socket, chunk) => socket.data.connection?.receive(chunk),
      drain: (socket) => socket.data.connection?.drain(),
      close: (socket) => socket.data.connection?.closed(),
      error: (socket) => socket.data.connection?.closed(),
    },
  });
  return { stop: (now) => listener.stop(now) };
}
