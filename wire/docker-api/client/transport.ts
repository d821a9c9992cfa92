import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { formatTraceparent } from "#lib/trace/span.ts";
import type { ByteStream } from "../engine.ts";
import { errorFromReply } from "../errors.ts";

/** The newest API that this client speaks. */
const OUR_VERSION = [1, 50] as const;
const MAX_ERROR_BYTES = 1024 * 1024;

export type QueryValues = Record<string, string | number | boolean | string[] | undefined>;

export interface RequestOptions {
  query?: QueryValues;
  json?: unknown;
  body?: ByteStream;
  contentType?: string;
  headers?: Record<string, string>;
}

/** Requests to one daemon, over its unix socket. */
export class DockerTransport {
  readonly socketPath: string;
  #prefix: Promise<string> | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** `/v1.N`: the lower of the daemon's version and ours. Asked once. */
  prefix(): Promise<string> {
    this.#prefix ??= this.#negotiate().catch((error: unknown) => {
      this.#prefix = undefined;
      throw error;
    });
    return this.#prefix;
  }

  async #negotiate(): Promise<string> {
    const reply = await this.fetchPath("GET", "/_ping", {}, {});
    const [major = 1, minor = 24] = (reply.headers.get("api-version") ?? "").split(".").map(Number);
    await reply.text();
    const theirs = major * 1000 + minor;
    const ours = OUR_VERSION[0] * 1000 + OUR_VERSION[1];
    return theirs < ours ? `/v${major}.${minor}` : `/v${OUR_VERSION.join(".")}`;
  }

  /** Sends a request. Rejects with the daemon's error for any status of 400 and above. */
  async request(
    method: string,
    path: string,
    options: RequestOptions,
    context: CallContext,
  ): Promise<Response> {
    return this.fetchPath(method, `${await this.prefix()}${path}`, options, context);
  }

  async json<T>(
    method: string,
    path: string,
    options: RequestOptions,
    context: CallContext,
  ): Promise<T> {
    const reply = await this.request(method, path, options, context);
    return (await reply.json()) as T;
  }

  /** For replies without a body; returns the status. */
  async status(
    method: string,
    path: string,
    options: RequestOptions,
    context: CallContext,
  ): Promise<number> {
    const reply = await this.request(method, path, options, context);
    await reply.arrayBuffer();
    return reply.status;
  }

  async fetchPath(
    method: string,
    path: string,
    options: RequestOptions,
    context: CallContext,
  ): Promise<Response> {
    const op = `${method} ${path}`;
    let reply: Response;
    try {
      reply = await fetch(`http://docker${path}${queryText(options.query ?? {})}`, {
        method,
        unix: this.socketPath,
        headers: requestHeaders(options, context),
        ...(options.json === undefined ? {} : { body: JSON.stringify(options.json) }),
        ...(options.body ? { body: options.body as unknown as ReadableStream } : {}),
        ...(context.signal ? { signal: context.signal } : {}),
        // A reply may take as long as a container lives.
        timeout: false,
      } as RequestInit);
    } catch (thrown) {
      throw this.unreachable(thrown, op);
    }
    if (reply.status < 400) return reply;
    const text = await reply.text();
    throw errorFromReply(reply.status, text.slice(0, MAX_ERROR_BYTES), op);
  }

  /** A daemon that does not answer, in the CLI's words. */
  unreachable(thrown: unknown, op: string) {
    const { code = "" } = thrown as { code?: string };
    if ((thrown as { name?: string }).name === "AbortError") {
      return failure({ layer: "dockerd", op, code: "cancelled", message: "request cancelled" });
    }
    if ((thrown as { name?: string }).name === "TimeoutError") {
      return failure({
        ...{ layer: "dockerd", op, code: "deadline_exceeded", causeId: "dockerd-hung" },
        message: "the docker daemon has not answered in time",
        cause: `the docker daemon at ${this.socketPath} accepts requests and does not answer them`,
        fix: "look at its process (stopped, or in state D) with catena doctor; restart it",
        evidence: [{ kind: "path", value: "no answer in time", ref: this.socketPath }],
      });
    }
    if (!/ENOENT|ECONNREFUSED|FailedToOpenSocket|ConnectionRefused/.test(code)) {
      return toChainError(thrown, "dockerd", op);
    }
    return failure({
      layer: "dockerd",
      op,
      code: "unavailable",
      message:
        `Cannot connect to the Docker daemon at unix://${this.socketPath}. Is the docker ` +
        "daemon running?",
      causeId: "dockerd-down",
      cause: `nobody listens on ${this.socketPath}`,
      fix: "start the daemon, or name its socket: --docker PATH",
      evidence: [{ kind: "errno", value: code, ref: this.socketPath }],
    });
  }
}

/** Headers of a request: the type of its body, and the trace. */
export function requestHeaders(
  options: RequestOptions,
  context: CallContext,
): Record<string, string> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.json !== undefined) headers["Content-Type"] = "application/json";
  else if (options.body) headers["Content-Type"] = options.contentType ?? "application/x-tar";
  if (context.trace) headers["traceparent"] = formatTraceparent(context.trace);
  if (context.trace?.state) headers["tracestate"] = context.trace.state;
  return headers;
}

/** `?a=b&c=1`; values that are undefined, empty or false are left out. */
export function queryText(values: QueryValues): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === "" || value === false) continue;
    if (Array.isArray(value)) for (const item of value) params.append(key, item);
    else params.append(key, value === true ? "1" : String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}
