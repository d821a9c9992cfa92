import { chmodSync } from "node:fs";
import { createServer, type Socket, type Server as SocketServer } from "node:net";
import { type DescService, toBinary } from "@bufbuild/protobuf";
import {
  type handleUnaryCall,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { type Status, StatusSchema } from "#gen/lib/rpc/proto/status_pb.ts";
import { failure } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import { clearStaleSocket, grantToGroup, SOCKET_MODE } from "#lib/install/socket_access.ts";
import { AuthorityFilter } from "./authority_filter.ts";
import { FilteredSocket } from "./filtered_socket.ts";
import { MAX_MESSAGE_BYTES } from "./grpc_client.ts";
import { contextOf, DETAILS_TRAILER } from "./grpc_metadata.ts";
import { type MethodCodec, methodCodecs } from "./method_codec.ts";
import type { CallContext, ServiceImplementation } from "./service.ts";
import { readMessages } from "./stream_reader.ts";
import type { WireErrors } from "./wire_errors.ts";

/** Peers accept little in trailers: 64 KiB in Node, 16 KiB in some Go servers. */
const MAX_TRAILER_BYTES = 12 * 1024;

/** Why a stream's signal aborts when the server ends, and not its caller. */
const SHUTDOWN = Symbol("shutdown");

type AnyMethod = (request: unknown, context: CallContext) => unknown;

/** Serves protobuf services over gRPC on a unix socket. */
export class GrpcServer {
  readonly #server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  readonly #errors: WireErrors;
  /** Streams under way: some, as subscriptions, never end by themselves. */
  readonly #streams = new Set<AbortController>();
  /** Only where clients are served that send a path as authority. */
  #front: { server: SocketServer; sockets: Set<Socket> } | undefined;

  constructor(errors: WireErrors) {
    this.#errors = errors;
  }

  /** Adds one service; call it before `listen`. */
  add<S extends DescService>(service: S, implementation: ServiceImplementation<S>): void {
    const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    const target = implementation as unknown as Record<string, AnyMethod>;
    for (const codec of methodCodecs(service)) {
      definition[codec.localName] = {
        path: codec.path,
        requestStream: codec.streamsIn,
        responseStream: codec.streamsOut,
        requestSerialize: codec.encodeRequest,
        requestDeserialize: codec.decodeRequest,
        responseSerialize: codec.encodeReply,
        responseDeserialize: codec.decodeReply,
      };
      const method: AnyMethod = (request, context) => target[codec.localName]!(request, context);
      handlers[codec.localName] = this.#handler(codec, method) as UntypedHandleCall;
    }
    this.#server.addService(definition, handlers);
  }

  /**
   * Listens on the socket `path`, mode 0660. A socket that nobody serves any more is replaced;
   * rejects when another process serves it.
   */
  async listen(path: string): Promise<void> {
    await clearStaleSocket(path);
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    grantToGroup(path);
    chmodSync(path, SOCKET_MODE);
  }

  /** The same for clients of any age, some of which send the socket's path as `:authority`. */
  async listenForgiving(path: string): Promise<void> {
    await clearStaleSocket(path);
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      const filter = new AuthorityFilter();
      const filtered = new FilteredSocket(socket, (bytes) => filter.push(bytes));
      filtered.on("error", () => socket.destroy());
      injector.injectConnection(filtered);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    this.#front = { server, sockets };
    grantToGroup(path);
    chmodSync(path, SOCKET_MODE);
  }

  /**
   * Stops listening. Streams are told "unavailable" at once; other calls under way get `graceMs`
   * milliseconds to end.
   */
  async close(graceMs = 500): Promise<void> {
    for (const controller of this.#streams) controller.abort(SHUTDOWN);
    this.#front?.server.close();
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, graceMs);
      this.#server.tryShutdown(() => resolve());
    });
    clearTimeout(timer);
    for (const socket of this.#front?.sockets ?? []) socket.destroy();
  }

  #handler(codec: MethodCodec, method: AnyMethod): unknown {
    if (!codec.streamsOut) return unaryHandler(codec, method, this.#errors);
    return (call: ServerCall): void => {
      const controller = new AbortController();
      this.#streams.add(controller);
      stream(codec, method, this.#errors, call, controller).finally(() => {
        this.#streams.delete(controller);
      });
    };
  }
}

/** What the three kinds of server call have in common; streams lack `request`. */
type ServerCall = ServerDuplexStream<unknown, unknown> & { request?: unknown };

function unaryHandler(codec: MethodCodec, method: AnyMethod, errors: WireErrors): unknown {
  const unary: handleUnaryCall<unknown, unknown> = (call, callback) => {
    const source = call as unknown as ServerCall;
    const work = async (): Promise<unknown> =>
      method(requestOf(codec, source), callContext(source, new AbortController()));
    work().then(
      (reply) => callback(null, reply),
      (thrown) => callback(failedStatus(errors, thrown, codec.op)),
    );
  };
  return unary;
}

async function stream(
  codec: MethodCodec,
  method: AnyMethod,
  errors: WireErrors,
  call: ServerCall,
  controller: AbortController,
): Promise<void> {
  const context = callContext(call, controller);
  const cancelled = (): boolean => call.cancelled || call.destroyed;
  let wake: () => void = () => {};
  call.on("drain", () => wake());
  call.on("close", () => wake());
  call.on("cancelled", () => wake());
  try {
    const replies = method(requestOf(codec, call), context) as AsyncIterable<unknown>;
    for await (const reply of replies) {
      if (cancelled()) return;
      if (call.write(reply)) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (cancelled()) resolve();
      });
    }
    // A stream that was cut short must not look like one that came to its end.
    if (controller.signal.reason === SHUTDOWN) throw shuttingDown(errors.layer, codec.op);
    if (!cancelled()) call.end();
  } catch (thrown) {
    if (!cancelled()) {
      call.emit("error", failedStatus(errors, thrown, codec.op));
    }
  }
}

function requestOf(codec: MethodCodec, call: ServerCall): unknown {
  if (!codec.streamsIn) return call.request;
  return readMessages(call, { fail: (error) => error });
}

function callContext(call: ServerCall, controller: AbortController): CallContext {
  if (call.cancelled) controller.abort();
  call.on("cancelled", () => controller.abort());
  return contextOf(call.metadata, call.getDeadline(), controller.signal);
}

function shuttingDown(layer: Layer, op: string) {
  const message = "the server is shutting down";
  return failure({ layer, op, code: "unavailable", message });
}

function failedStatus(errors: WireErrors, thrown: unknown, op: string) {
  const status = errors.toStatus(thrown, op);
  const metadata = new Metadata();
  const bytes = detailBytes(status);
  if (bytes) metadata.set(DETAILS_TRAILER, bytes);
  return Object.assign(new Error(status.message), {
    code: status.code,
    details: status.message,
    metadata,
  });
}

/** The status for the details trailer; details are left out, first ones first, until it fits. */
function detailBytes(status: Status): Buffer | undefined {
  for (let from = 0; from < status.details.length; from++) {
    const details = status.details.slice(from);
    const bytes = toBinary(StatusSchema, { ...status, details });
    if (bytes.length <= MAX_TRAILER_BYTES) return Buffer.from(bytes);
  }
  return undefined;
}
