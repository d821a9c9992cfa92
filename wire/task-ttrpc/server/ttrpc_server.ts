import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Socket, SocketHandler, UnixSocketListener, UnixSocketOptions } from "bun";
import {
  type Request,
  RequestSchema,
  ResponseSchema,
} from "#gen/wire/task-ttrpc/proto/ttrpc_pb.ts";
import { type ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import { SocketWriter } from "#lib/rpc/socket_writer.ts";
import { statusFromError } from "#lib/rpc/status_codec.ts";
import { contextFromRequest } from "../framing/call_metadata.ts";
import { encodeFrame, FRAME, type Frame, FrameReader } from "../framing/frame_codec.ts";
import type { ConnectionRecord, ResumedConnection } from "./connection_record.ts";
import type { TtrpcDispatch } from "./ttrpc_dispatch.ts";

/** Requests under way on one connection; each waiting container or exec holds one. */
const MAX_CALLS = 65_536;

/** Where one connection is recorded, and under which key. */
interface Recorded {
  record: ConnectionRecord;
  key: number;
}

/** Serves one connection: reads requests, runs them at once, answers as they finish. */
class ServerConnection {
  readonly #dispatch: TtrpcDispatch;
  readonly #writer: SocketWriter;
  readonly #reader: FrameReader;
  readonly #recorded: Recorded | undefined;
  /** Calls under way, so that a vanished caller's work is told. */
  readonly #calls = new Map<number, AbortController>();
  readonly #end: () => void;
  #lastStream = 0;

  constructor(
    dispatch: TtrpcDispatch,
    socket: Socket<SocketData>,
    recorded?: Recorded,
    rest?: Uint8Array,
  ) {
    this.#dispatch = dispatch;
    this.#writer = new SocketWriter(socket);
    this.#reader = new FrameReader(rest);
    this.#recorded = recorded;
    this.#end = () => socket.end();
  }

  receive(chunk: Uint8Array): void {
    const before = this.#reader.pending.length;
    this.#reader.push(chunk, (frame, oversized) => this.#take(frame, oversized));
    const { pending } = this.#reader;
    if (pending.length + before > 0) this.#recorded?.record.rest(this.#recorded.key, pending);
  }

  /** Goes on with what a former process left without an answer. */
  resume(calls: ResumedConnection["calls"]): void {
    for (const { stream, data, again } of calls) {
      this.#lastStream = Math.max(this.#lastStream, stream);
      if (again) void this.#run({ stream, type: FRAME.REQUEST, flags: 0, data });
      else this.#refuse(stream, cutShort(this.#dispatch.layer));
    }
  }

  drain(): void {
    this.#writer.drain();
  }

  closed(): void {
    this.#recorded?.record.closed(this.#recorded.key);
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
      this.#recorded?.record.asked(this.#recorded.key, frame.stream, frame.data);
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
    // After the answer: one that is given twice is passed over, one that is lost is waited for.
    this.#recorded?.record.answered(this.#recorded.key, stream);
  }
}

function cutShort(layer: Layer): ChainError {
  const message = "the shim was killed during this call: whether it was done is not known";
  return failure({ layer, op: "resume", code: "unavailable", message });
}

interface SocketData {
  connection?: ServerConnection;
}

/** A server that listens. */
export interface TtrpcServer {
  /** The listening socket. */
  readonly fd: number;
  /** Stops accepting; with `now`, ends connections too. */
  stop(now: boolean): void;
  /** Serves a connection that a former process had. */
  resume(connection: ResumedConnection): Promise<void>;
}

/**
 * Listens on a unix socket: at a path, which must not exist yet, or a descriptor that listens
 * already. `record` is told of all connections and calls. Throws when it cannot.
 */
export function serveTtrpc(
  at: string | { fd: number },
  dispatch: TtrpcDispatch,
  record?: ConnectionRecord,
): TtrpcServer {
  const handlers = (resumed?: ResumedConnection): SocketHandler<SocketData> => ({
    open(socket) {
      const key = record && (resumed?.key ?? record.opened(descriptorOf(socket)));
      const recorded = record && key !== undefined ? { record, key } : undefined;
      const connection = new ServerConnection(dispatch, socket, recorded, resumed?.rest);
      socket.data = { connection };
      if (resumed) connection.resume(resumed.calls);
    },
    data: (socket, chunk) => socket.data.connection?.receive(chunk),
    drain: (socket) => socket.data.connection?.drain(),
    close: (socket) => socket.data.connection?.closed(),
    error: (socket) => socket.data.connection?.closed(),
  });
  const place = typeof at === "string" ? { unix: at } : at;
  // Bun listens and connects on descriptors, and tells them, which its types leave out.
  const options = { ...place, socket: handlers() } as unknown as UnixSocketOptions<SocketData>;
  const listener: UnixSocketListener<SocketData> = Bun.listen<SocketData>(options);
  return {
    fd: descriptorOf(listener),
    stop: (now) => listener.stop(now),
    async resume(connection) {
      const given = { fd: connection.fd, socket: handlers(connection), data: {} };
      await Bun.connect<SocketData>(given as unknown as UnixSocketOptions<SocketData>);
    },
  };
}

function descriptorOf(socket: object): number {
  return (socket as { fd: number }).fd;
}
