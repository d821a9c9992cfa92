import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "#lib/log/log.ts";
import type { DockerEngine } from "#wire/docker-api/engine.ts";
import { refuse } from "../refusals.ts";
import { Connection } from "./connection.ts";
import { headerList, MAX_HEAD_BYTES, parseHead, type RequestHead, replyText } from "./http_head.ts";
import { type AttachStream, type ExecStream, runAttach, runExec } from "./run_process.ts";
import { SPDY_FORWARD_PROTOCOL, spdyForward } from "./spdy_forward.ts";
import { SPDY_PROCESS_PROTOCOLS, spdyChannels } from "./spdy_process.ts";
import { TokenStore } from "./token_store.ts";
import { WEBSOCKET_FORWARD_PROTOCOLS, webSocketForward } from "./websocket_forward.ts";
import { acceptKey } from "./websocket_frames.ts";
import { WEBSOCKET_PROCESS_PROTOCOLS, webSocketChannels } from "./websocket_process.ts";

export interface ForwardStream {
  kind: "portforward";
  sandboxId: string;
  /** Host's pid of a process in the pod's network namespace. */
  pid: number;
  ports: number[];
}

export type StreamRequest = ExecStream | AttachStream | ForwardStream;

/** How long a client may take to send its request. */
const HEAD_MS = 10_000;
const MAX_CONNECTIONS = 1024;

/**
 * Serves the streams of exec, attach and port-forward under URLs that work once. Clients are
 * crictl, and API servers and kubelets on behalf of kubectl; they upgrade to SPDY or a WebSocket.
 */
export class StreamingServer {
  readonly #engine: DockerEngine;
  readonly #log: Log;
  readonly #listen: { host: string; port: number };
  readonly #tokens = new TokenStore<StreamRequest>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(engine: DockerEngine, log: Log, listen: { host: string; port: number }) {
    this.#engine = engine;
    this.#log = log;
    this.#listen = listen;
  }

  /** `host:port`, once it listens. */
  get address(): string {
    const { address, port } = (this.#server?.address() ?? {}) as {
      address?: string;
      port?: number;
    };
    const host = address?.includes(":") ? `[${address}]` : address;
    return `${host ?? ""}:${port ?? 0}`;
  }

  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#listen.port, this.#listen.host, resolve);
    });
    this.#server = server;
  }

  /** Agrees on a stream: the URL under which it can be had, once, within a minute. */
  url(request: StreamRequest): string {
    const token = this.#tokens.insert(request);
    if (token !== undefined) return `http://${this.address}/${request.kind}/${token}`;
    throw refuse("resource_exhausted", request.kind, "too many stream requests wait for a client");
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#server) this.#server.close(() => resolve());
      else resolve();
    });
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const connection = new Connection(socket);
    this.#serve(connection).catch((error: unknown) => {
      this.#log.warn("stream failed", { error });
      connection.destroy();
    });
  }

  async #serve(connection: Connection): Promise<void> {
    const head = await readHead(connection);
    if (!head) return refuseClient(connection, 400, "this is no request for a stream");
    const [, kind, token = ""] = head.path.match(/^\/([a-z]+)\/([\w-]+)$/) ?? [];
    const request = this.#tokens.consume(token);
    if (request?.kind !== kind || !request) {
      return refuseClient(connection, 404, "the stream's token is unknown, used or expired");
    }
    if (headerList(head, "upgrade").some((value) => value.toLowerCase() === "websocket")) {
      await this.#webSocket(connection, head, request);
    } else if (headerList(head, "upgrade").some((value) => /^spdy\/3\.1$/i.test(value))) {
      await this.#spdy(connection, head, request);
    } else refuseClient(connection, 400, "unable to upgrade: neither websocket nor SPDY/3.1");
  }

  async #spdy(connection: Connection, head: RequestHead, request: StreamRequest): Promise<void> {
    const name = "X-Stream-Protocol-Version";
    const offered = headerList(head, name.toLowerCase());
    const known = request.kind === "portforward" ? [SPDY_FORWARD_PROTOCOL] : SPDY_PROCESS_PROTOCOLS;
    const protocol =
      known.find((item) => offered.includes(item)) ?? (offered[0] ? "" : known.at(-1)!);
    if (protocol === "") {
      return refuseClient(connection, 403, `unable to upgrade: none of ${offered} is spoken here`);
    }
    const headers = { Connection: "Upgrade", Upgrade: "SPDY/3.1", [name]: protocol };
    await connection.write(replyText(101, headers));
    if (request.kind === "portforward") return spdyForward(connection, request.pid);
    const channels = await spdyChannels(connection, protocol, request);
    await this.#run(request, channels);
  }

  async #webSocket(
    connection: Connection,
    head: RequestHead,
    request: StreamRequest,
  ): Promise<void> {
    const key = head.headers.get("sec-websocket-key") ?? "";
    const offered = headerList(head, "sec-websocket-protocol");
    const known =
      request.kind === "portforward" ? WEBSOCKET_FORWARD_PROTOCOLS : WEBSOCKET_PROCESS_PROTOCOLS;
    const protocol = known.find((item) => offered.includes(item)) ?? "";
    if (key === "" || (offered.length > 0 && protocol === "")) {
      return refuseClient(connection, 400, `unable to upgrade: none of ${offered} is spoken here`);
    }
    const headers: Record<string, string> = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Accept": acceptKey(key),
    };
    if (protocol !== "") headers["Sec-WebSocket-Protocol"] = protocol;
    await connection.write(replyText(101, headers));
    if (request.kind === "portforward") {
      return webSocketForward(connection, protocol, request.pid, request.ports);
    }
    await this.#run(request, webSocketChannels(connection, protocol, request));
  }

  #run(request: ExecStream | AttachStream, channels: Parameters<typeof runExec>[2]): Promise<void> {
    return request.kind === "exec"
      ? runExec(this.#engine, request, channels)
      : runAttach(this.#engine, request, channels);
  }
}

/** Reads up to the empty line; what follows it belongs to the stream. */
async function readHead(connection: Connection): Promise<RequestHead | undefined> {
  const timer = setTimeout(() => connection.destroy(), HEAD_MS);
  try {
    let bytes = Buffer.alloc(0);
    while (bytes.length < MAX_HEAD_BYTES) {
      const more = await connection.read();
      if (!more) return undefined;
      bytes = Buffer.concat([bytes, more]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) continue;
      connection.unread(bytes.subarray(end + 4));
      return parseHead(bytes.toString("latin1", 0, end));
    }
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function refuseClient(connection: Connection, status: number, reason: string): void {
  const headers = { "Content-Type": "text/plain", Connection: "close" };
  void connection.write(replyText(status, headers, `${reason}\n`)).then(() => connection.end());
}
