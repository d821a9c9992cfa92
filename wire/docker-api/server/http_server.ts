import { chmodSync, chownSync, existsSync, unlinkSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import { recordError } from "#lib/errors/error_record.ts";
import type { Log } from "#lib/log/log.ts";
import { parseTraceparent } from "#lib/trace/span.ts";
import type { Span, Tracer } from "#lib/trace/tracer.ts";
import type { DockerEngine } from "../engine.ts";
import { errorBody, statusOfError } from "../errors.ts";
import { Exchange } from "./exchange.ts";
import { Query } from "./query.ts";
import { type RouteMatch, RouteTable } from "./route.ts";
import { buildRoutes } from "./routes_build.ts";
import { containerRoutes } from "./routes_container.ts";
import { execRoutes } from "./routes_exec.ts";
import { imageRoutes } from "./routes_image.ts";
import { networkRoutes } from "./routes_network.ts";
import { pluginRoutes } from "./routes_plugin.ts";
import { registryRoutes } from "./routes_registry.ts";
import { swarmRoutes } from "./routes_swarm.ts";
import { systemRoutes } from "./routes_system.ts";
import { volumeRoutes } from "./routes_volume.ts";

export interface DockerServerOptions {
  engine: DockerEngine;
  /** Path of the unix socket. It is made with mode 0660. */
  socketPath: string;
  /** Numeric group of the socket; root's when left out. */
  socketGid?: number;
  tracer: Tracer;
  log: Log;
  /** Where failures are recorded for `catena explain`. */
  stateDir: string;
}

export interface DockerServer {
  close(): Promise<void>;
}

/** Version of the API that a path without prefix means: the newest. */
const NEWEST = [1, 999] as const;

/** How long a client may take over a request's head; dockerd gives the same five minutes. */
const HEADERS_MS = 5 * 60_000;

/** Exposes any Docker Engine on a unix socket. Rejects when the socket is in use. */
export async function serveDockerApi(options: DockerServerOptions): Promise<DockerServer> {
  await clearStaleSocket(options.socketPath);
  const { apiVersion, osType, experimental } = await options.engine.ping({});
  const dispatcher = new Dispatcher(options, {
    "Api-Version": apiVersion,
    "Docker-Experimental": String(experimental),
    Ostype: osType,
    Server: `Docker/catena (${osType})`,
  });
  const server = createServer((request, response) => {
    void dispatcher.dispatch(request, { response });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    void dispatcher.dispatch(request, { socket, socketHead: head });
  });
  // `wait`, `events` and `logs -f` are quiet for as long as their container is.
  server.timeout = 0;
  server.requestTimeout = 0;
  // A kept connection stays for as long as its client wants, as under dockerd: to close an idle one
  // breaks the request that the client sends over it at that moment, and most must not be repeated.
  server.keepAliveTimeout = 0;
  server.headersTimeout = HEADERS_MS;
  await listen(server, options);
  return { close: () => closeServer(server, options.socketPath) };
}

/** Answers each request by its route, inside a span; every failure becomes a reply. */
class Dispatcher {
  readonly #options: DockerServerOptions;
  readonly #common: Record<string, string>;
  readonly #routes = new RouteTable([
    ...systemRoutes,
    ...imageRoutes,
    ...registryRoutes,
    ...buildRoutes,
    ...containerRoutes,
    ...execRoutes,
    ...volumeRoutes,
    ...networkRoutes,
    ...pluginRoutes,
    ...swarmRoutes,
  ]);

  constructor(options: DockerServerOptions, common: Record<string, string>) {
    this.#options = options;
    this.#common = common;
  }

  async dispatch(
    request: IncomingMessage,
    ends: { response?: ServerResponse; socket?: Duplex; socketHead?: Buffer },
  ): Promise<void> {
    const abort = new AbortController();
    const out = ends.response ?? ends.socket!;
    // After a whole answer there is nothing left to be given up.
    out.once("close", () => {
      if (!ends.response?.writableFinished) abort.abort();
    });
    out.on("error", () => abort.abort());
    const url = request.url ?? "/";
    const split = url.indexOf("?");
    const path = split < 0 ? url : url.slice(0, split);
    const version = /^\/v([0-9]+)\.([0-9]+)(?=\/)/.exec(path);
    const bare = version ? path.slice(version[0].length) : path;
    const match = this.#routes.find(request.method ?? "GET", bare);
    const { traceparent, tracestate } = request.headers;
    const header = Array.isArray(traceparent) ? traceparent[0] : traceparent;
    // Several headers of this name are one list.
    const state = Array.isArray(tracestate) ? tracestate.join(",") : tracestate;
    const parent = parseTraceparent(header, state);
    const span = this.#options.tracer.start(match?.route.name ?? "unknown route", parent);
    const exchange = new Exchange({
      engine: this.#options.engine,
      request,
      ...ends,
      params: [],
      query: new Query(new URLSearchParams(split < 0 ? "" : url.slice(split + 1))),
      apiVersion: version ? [Number(version[1]), Number(version[2])] : NEWEST,
      context: { trace: span.context, signal: abort.signal },
      common: this.#common,
    });
    await this.#answer(exchange, match, span);
  }

  async #answer(exchange: Exchange, match: RouteMatch | undefined, span: Span): Promise<void> {
    try {
      if (!match) throw refuseRoute(exchange.request);
      for (const param of match.params) exchange.params.push(decodeParam(param));
      await match.route.handle(exchange);
      span.end();
    } catch (thrown) {
      span.end(thrown);
      this.#fail(exchange, thrown, match);
    }
  }

  #fail(exchange: Exchange, thrown: unknown, match: RouteMatch | undefined): void {
    const error = toChainError(thrown, "dockerd", match?.route.name ?? "find route");
    // The client left; there is nobody to tell, and nothing is wrong.
    if (
      error.outer.code === "cancelled" &&
      (exchange.replied || exchange.context.signal?.aborted)
    ) {
      this.#options.log.debug("the client left", { op: error.outer.op });
      return;
    }
    const status = statusOfError(error);
    if (!(thrown instanceof ChainError)) {
      this.#options.log.error("request failed", { op: error.outer.op, error: error.stack });
    } else if (status >= 500) {
      this.#options.log.error("request failed", { op: error.outer.op, error: error.message });
    }
    if (match) recordError(this.#options.stateDir, error);
    if (exchange.replied) return;
    // What is left of a body must be read, or the client blocks in sending it and never sees this.
    exchange.request.resume();
    if (match) exchange.send(status, errorBody(error));
    else exchange.send(status, { message: error.words });
  }
}

function refuseRoute(_request: IncomingMessage): ChainError {
  return failure({
    layer: "dockerd",
    op: "find route",
    code: "not_found",
    message: "page not found",
  });
}

function decodeParam(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw failure({
      layer: "dockerd",
      op: "read request",
      code: "invalid_argument",
      message: `invalid URL escape in ${JSON.stringify(text)}`,
    });
  }
}

function listen(server: Server, options: DockerServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    // The socket must never be open to others, not even between bind and chmod.
    const mask = process.umask(0o117);
    server.once("error", (error) => {
      process.umask(mask);
      reject(toChainError(error, "dockerd", "listen"));
    });
    server.listen(options.socketPath, () => {
      process.umask(mask);
      chmodSync(options.socketPath, 0o660);
      if (options.socketGid !== undefined) chownSync(options.socketPath, 0, options.socketGid);
      resolve();
    });
  });
}

/** Removes a socket that nobody listens on; refuses to take one from a living daemon. */
async function clearStaleSocket(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (alive) {
    throw failure({
      layer: "dockerd",
      op: "listen",
      code: "failed_precondition",
      message: `can't create unix socket ${path}: another daemon answers on it`,
      evidence: [{ kind: "path", value: "a listener answered", ref: path }],
    });
  }
  unlinkSync(path);
}

function closeServer(server: Server, path: string): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      if (existsSync(path)) unlinkSync(path);
      resolve();
    });
    server.closeAllConnections();
  });
}
