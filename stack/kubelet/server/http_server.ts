import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import type { ErrorCode } from "#lib/errors/frame.ts";
import type { KubeletApi } from "./kubelet_api.ts";
import { logRoutes } from "./routes_logs.ts";
import { stateRoutes } from "./routes_state.ts";
import { carryUpgrade, runRoute } from "./routes_stream.ts";

export interface HttpOptions {
  api: KubeletApi;
  address: string;
  /** 0 for any free one. */
  port: number;
  /** What `Authorization: Bearer` must carry where a request runs or reads something in a pod. */
  token: string;
}

export interface HttpHandle {
  /** The port that it serves. */
  port: number;
  close(): Promise<void>;
}

/** One request's answer, within its route's reach. */
export interface HttpCall {
  api: KubeletApi;
  url: URL;
  request: IncomingMessage;
  response: ServerResponse;
  /** The parts of the path that the route's pattern left open. */
  params: string[];
  /** It carries the token. */
  trusted: boolean;
}

export interface HttpRoute {
  method: "GET" | "POST";
  path: RegExp;
  /** Only with the token. */
  guarded: boolean;
  handle(call: HttpCall): Promise<void>;
}

/** How long connections may take to end with the server. */
const CLOSE_MS = 1_000;
const ROUTES: readonly HttpRoute[] = [...stateRoutes, ...logRoutes, runRoute];
/** Whoever else the host's resolver names must not reach us through somebody's browser. */
const LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

/** Serves the kubelet's HTTP API. Rejects when the port is taken. */
export async function serveHttp(options: HttpOptions): Promise<HttpHandle> {
  const server = createServer((request, response) => {
    void dispatch(options, request, response);
  });
  // The server does not know those any more, and its close would wait for them.
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    void upgrade(options, request, socket, head).finally(() => upgraded.delete(socket));
  });
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: async () => {
      for (const socket of upgraded) socket.destroy();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await Promise.race([closed, Bun.sleep(CLOSE_MS)]);
    },
  };
}

function listen(server: Server, { address, port }: HttpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const fix = "give another --port, or stop what listens there";
      const frame = { layer: "kubelet", op: "listen", message: `listen on ${address}:${port}` };
      const { code } = toChainError(error, "kubelet", "listen").outer;
      const cause = error.code === "EADDRINUSE" ? "another process listens there" : error.message;
      reject(failure({ ...frame, layer: "kubelet", code, cause, fix }));
    });
    server.listen(port, address, resolve);
  });
}

async function dispatch(
  options: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", "http://localhost");
    const found = ROUTES.filter(({ path }) => path.test(url.pathname));
    const route = found.find(({ method }) => method === request.method);
    if (!isLocal(options, request)) throw refusal("permission_denied", "foreign Host header");
    if (found.length === 0) throw refusal("not_found", `no such path: ${url.pathname}`);
    if (!route) throw refusal("unimplemented", `method ${request.method} is not allowed here`);
    const trusted = isAllowed(options, request);
    if (route.guarded && !trusted) throw unauthorized();
    const params = (route.path.exec(url.pathname) ?? []).slice(1).map(decode);
    await route.handle({ api: options.api, url, request, response, params, trusted });
  } catch (thrown) {
    const error = toChainError(thrown, "kubelet", "answer");
    const text = `${plainWords(error)}\n`;
    if (!response.headersSent) {
      response.writeHead(statusOf(error.outer.code), { "content-type": "text/plain" });
    }
    response.end(text);
  }
}

async function upgrade(
  options: HttpOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on("error", () => socket.destroy());
  try {
    if (!isLocal(options, request)) throw refusal("permission_denied", "foreign Host header");
    if (!isAllowed(options, request)) throw unauthorized();
    await carryUpgrade(options.api, request, socket, head);
  } catch (thrown) {
    const error = toChainError(thrown, "kubelet", "open stream");
    const body = `${plainWords(error)}\n`;
    const length = Buffer.byteLength(body);
    socket.end(
      `HTTP/1.1 ${statusOf(error.outer.code)} Error\r\nContent-Type: text/plain\r\n` +
        `Content-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
}

function isLocal({ address }: HttpOptions, request: IncomingMessage): boolean {
  const host = (request.headers.host ?? "localhost").replace(/:\d+$/, "");
  return LOCAL_HOSTS.includes(host) || host === address;
}

function isAllowed({ token }: HttpOptions, request: IncomingMessage): boolean {
  const given = Buffer.from((request.headers.authorization ?? "").replace(/^Bearer /, ""));
  const wanted = Buffer.from(token);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** What a client is told: with its id where a link below recorded it, else without. */
function plainWords(error: ChainError): string {
  if (error.frames.length > 1 || error.causeId !== undefined) return error.message;
  const { cause, fix } = error.root;
  const more = [cause, fix && `fix: ${fix}`].filter(Boolean).join("; ");
  return more === "" ? error.words : `${error.words}: ${more}`;
}

function unauthorized() {
  return failure({
    layer: "kubelet",
    op: "authorize",
    code: "unauthenticated",
    message: "Unauthorized",
    fix: "send Authorization: Bearer with the text of STATE/kubelet.token",
  });
}

function refusal(code: ErrorCode, message: string) {
  return failure({ layer: "kubelet", op: "answer", code, message });
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refusal("invalid_argument", `bad escape in the path: ${part}`);
  }
}

const STATUSES: Partial<Record<ErrorCode, number>> = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  unimplemented: 405,
  failed_precondition: 409,
  unavailable: 503,
  deadline_exceeded: 504,
};

function statusOf(code: ErrorCode): number {
  return STATUSES[code] ?? 500;
}

/** Answers with JSON. */
export function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(`${JSON.stringify(value)}\n`);
}
