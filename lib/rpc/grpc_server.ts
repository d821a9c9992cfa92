import { chmodSync, rmSync } from "node:fs";
import type { DescService } from "@bufbuild/protobuf";
import type { Socket, UnixSocketListener, UnixSocketOptions } from "bun";
import { clearStaleSocket, grantToGroup, SOCKET_MODE } from "#lib/install/socket_access.ts";
import { encodeHeaders } from "./http2/header_encoder.ts";
import type { Field } from "./http2/hpack_tables.ts";
import { Http2Session } from "./http2/http2_session.ts";
import type { Http2Stream, StreamReceiver } from "./http2/http2_stream.ts";
import { methodCodecs } from "./method_codec.ts";
import { encodeMessage, requestHead } from "./request_head.ts";
import { type Route, ServerCall } from "./server_call.ts";
import type { CallContext, ServiceImplementation } from "./service.ts";
import { SocketWriter } from "./socket_writer.ts";
import { codeNumber } from "./status_codec.ts";
import type { WireErrors } from "./wire_errors.ts";

/**
 * Calls at a time, of all clients: each waiting container holds one. Those whose client has left
 * count while their methods run, so that resetting is no way to more.
 */
const MAX_CALLS = 65_536;

type AnyMethod = (request: unknown, context: CallContext) => unknown;

interface SocketData {
  session?: Http2Session;
}

/** Serves protobuf services over gRPC on a unix socket (ADR 22). */
export class GrpcServer {
  readonly #errors: WireErrors;
  readonly #routes = new Map<string, Route>();
  /** Names of the services, to tell an unknown method from an unknown service. */
  readonly #services = new Set<string>();
  readonly #sockets = new Map<Socket<SocketData>, Http2Session>();
  /** Calls under way: some, as subscriptions, never end by themselves. */
  readonly #calls = new Set<ServerCall>();
  #listener: UnixSocketListener<SocketData> | undefined;
  #path = "";
  #idle: () => void = () => {};

  constructor(errors: WireErrors) {
    this.#errors = errors;
  }

  /** Adds one service; call it before `listen`. */
  add<S extends DescService>(service: S, implementation: ServiceImplementation<S>): void {
    const target = implementation as unknown as Record<string, AnyMethod>;
    this.#services.add(service.typeName);
    for (const codec of methodCodecs(service)) {
      const method: AnyMethod = (request, context) => target[codec.localName]!(request, context);
      this.#routes.set(codec.path, { codec, method });
    }
  }

  /**
   * Listens on the socket `path`, mode 0660. A socket that nobody serves any more is replaced;
   * rejects when another process serves it.
   */
  async listen(path: string): Promise<void> {
    await clearStaleSocket(path);
    const options: UnixSocketOptions<SocketData> = {
      unix: path,
      socket: {
        open: (socket) => this.#connected(socket),
        data: (socket, bytes) => socket.data.session?.receive(bytes),
        drain: (socket) => socket.data.session?.drain(),
        close: (socket) => this.#disconnected(socket),
        error: (socket) => this.#disconnected(socket),
      },
    };
    this.#listener = Bun.listen<SocketData>(options);
    this.#path = path;
    grantToGroup(path);
    chmodSync(path, SOCKET_MODE);
  }

  /**
   * Stops listening. Streams are told "unavailable" at once; other calls under way get `graceMs`
   * milliseconds to end.
   */
  async close(graceMs = 500): Promise<void> {
    if (this.#listener) rmSync(this.#path, { force: true });
    this.#listener?.stop();
    for (const session of this.#sockets.values()) session.leave();
    for (const call of this.#calls) if (call.streams) call.shutDown();
    await this.#quiet(graceMs);
    for (const socket of [...this.#sockets.keys()]) socket.terminate();
    this.#listener?.stop(true);
  }

  /** Resolves when no call is under way, or after `ms`. */
  async #quiet(ms: number): Promise<void> {
    if (this.#calls.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #connected(socket: Socket<SocketData>): void {
    const session = new Http2Session({
      writer: new SocketWriter(socket),
      hangUp: () => socket.end(),
      accept: (stream, fields, ended) => this.#accept(stream, fields, ended),
    });
    socket.data = { session };
    this.#sockets.set(socket, session);
    session.flush();
  }

  #disconnected(socket: Socket<SocketData>): void {
    this.#sockets.delete(socket);
    socket.data.session?.closed();
  }

  #accept(stream: Http2Stream, fields: Field[], ended: boolean): StreamReceiver | undefined {
    const head = requestHead(fields);
    if (!head) return undefined;
    const type = head.fields.get("content-type") ?? "";
    if (head.method !== "POST") return refused(stream, [[":status", "405"]]);
    if (!/^application\/grpc(\+proto|;|$)/.test(type)) return refused(stream, [[":status", "415"]]);
    const route = this.#routes.get(head.path);
    if (!route) return refused(stream, this.#unknown(head.path));
    if (this.#calls.size >= MAX_CALLS) {
      return refused(
        stream,
        failed("resource_exhausted", `more than ${MAX_CALLS} calls under way`),
      );
    }
    const call = new ServerCall(stream, head, route, this.#errors, (over) => this.#ended(over));
    this.#calls.add(call);
    call.begin(ended);
    return call;
  }

  #unknown(path: string): Field[] {
    const [, service = "", method = ""] = path.split("/");
    const words = this.#services.has(service)
      ? `unknown method ${method} for service ${service}`
      : `unknown service ${service}`;
    return failed("unimplemented", words);
  }

  #ended(call: ServerCall): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#idle();
  }
}

function failed(code: "unimplemented" | "resource_exhausted", message: string): Field[] {
  return [
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-status", String(codeNumber(code))],
    ["grpc-message", encodeMessage(message)],
  ];
}

/** Answers with fields alone; what else comes is passed over. */
function refused(stream: Http2Stream, fields: Field[]): StreamReceiver {
  stream.sendHeaders(encodeHeaders(fields), true);
  return { fields: () => {}, data: () => {}, lost: () => {} };
}
