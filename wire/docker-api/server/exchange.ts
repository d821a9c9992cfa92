import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { failure } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { ByteStream, DockerEngine } from "../engine.ts";
import { checkShape, type Shape } from "./body_shape.ts";
import type { Query } from "./query.ts";
import { headText } from "./reply_head.ts";

/** Longest JSON body. Container configurations are a few kilobytes. */
const MAX_JSON_BYTES = 16 * 1024 * 1024;

export interface ExchangeInit {
  engine: DockerEngine;
  request: IncomingMessage;
  /** Absent when the client asked for an upgrade: then `socket` is the bare connection. */
  response?: ServerResponse;
  socket?: Duplex;
  /** What the client sent behind the head of an upgrade request. */
  socketHead?: Buffer;
  params: string[];
  query: Query;
  /** [major, minor] of the path's prefix; the newest when there is none. */
  apiVersion: readonly [number, number];
  context: CallContext;
  /** Headers of every reply: by them clients know the daemon and its API. */
  common: Record<string, string>;
}

/** One request and its reply, over a plain response or a connection that is to be hijacked. */
export class Exchange {
  readonly engine: DockerEngine;
  readonly request: IncomingMessage;
  readonly params: string[];
  readonly query: Query;
  readonly context: CallContext;
  readonly response: ServerResponse | undefined;
  readonly socket: Duplex | undefined;
  readonly socketHead: Buffer | undefined;
  readonly common: Record<string, string>;
  readonly #apiVersion: readonly [number, number];
  replied = false;

  constructor(init: ExchangeInit) {
    this.engine = init.engine;
    this.request = init.request;
    this.response = init.response;
    this.socket = init.socket;
    this.socketHead = init.socketHead;
    this.params = init.params;
    this.query = init.query;
    this.#apiVersion = init.apiVersion;
    this.context = init.context;
    this.common = init.common;
  }

  /** True when the client speaks at least this version of the API. */
  atLeast(major: number, minor: number): boolean {
    const [ours, theirs] = this.#apiVersion;
    return ours > major || (ours === major && theirs >= minor);
  }

  /** Content type of output in two streams or from a terminal. */
  streamType(tty: boolean): string {
    return !tty && this.atLeast(1, 42)
      ? "application/vnd.docker.multiplexed-stream"
      : "application/vnd.docker.raw-stream";
  }

  /** Reads and checks a JSON body. An absent body is an empty object, as dockerd takes it. */
  async json<T>(shape: Shape, name: string): Promise<T> {
    const type = this.request.headers["content-type"] ?? "";
    const text = await this.#bodyText();
    if (type === "" && text === "") return {} as T;
    const media = type.split(";")[0]!.trim().toLowerCase();
    if (media === "" || !media.includes("/")) {
      throw refusal(`malformed Content-Type header (${type}): mime: no media type`);
    }
    if (media !== "application/json") {
      throw refusal(`unsupported Content-Type header (${type}): must be 'application/json'`);
    }
    if (text.trim() === "") return {} as T;
    return (checkShape(parseJson(text), shape, name) ?? {}) as T;
  }

  async #bodyText(): Promise<string> {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for await (const part of this.body()) {
      bytes += part.length;
      if (bytes > MAX_JSON_BYTES) throw refusal("invalid JSON: request body too large");
      parts.push(part);
    }
    return Buffer.concat(parts).toString("utf8");
  }

  body(): ByteStream {
    return this.request as AsyncIterable<Uint8Array>;
  }

  /** Answers with JSON. */
  send(status: number, value: unknown): void {
    this.#whole(status, "application/json", `${JSON.stringify(value)}\n`);
  }

  /** Answers with a status alone (204, 304). */
  sendEmpty(status: number, headers: Record<string, string> = {}): void {
    this.#whole(status, undefined, "", headers);
  }

  sendText(status: number, text: string, headers: Record<string, string> = {}): void {
    this.#whole(status, "text/plain; charset=utf-8", text, headers);
  }

  #whole(
    status: number,
    type: string | undefined,
    text: string,
    extra: Record<string, string> = {},
  ): void {
    this.replied = true;
    const headers: Record<string, string | number> = { ...this.common, ...extra };
    if (type) headers["Content-Type"] = type;
    if (status !== 204 && status !== 304) headers["Content-Length"] = Buffer.byteLength(text);
    if (this.response) {
      this.response.writeHead(status, headers);
      this.response.end(this.request.method === "HEAD" ? undefined : text);
      return;
    }
    this.socket?.end(`${headText(status, { ...headers, Connection: "close" })}${text}`);
  }

  /**
   * Answers with a body that is produced while it is sent. Headers go out at once, so that a client
   * which waits for them before its next request is not held up. A failure in the middle breaks the
   * connection: a truncated body must not look whole.
   */
  async stream(
    type: string,
    body: ByteStream,
    headers: Record<string, string> = {},
  ): Promise<void> {
    this.replied = true;
    const out = this.#open(type, headers);
    try {
      for await (const part of body) {
        if (out.destroyed) return;
        if (!out.write(part)) await drained(out);
      }
      out.end();
    } catch (error) {
      out.destroy();
      throw error;
    }
  }

  #open(type: string, headers: Record<string, string>): ServerResponse | Duplex {
    if (this.response) {
      this.response.writeHead(200, { ...this.common, "Content-Type": type, ...headers });
      this.response.flushHeaders();
      return this.response;
    }
    const socket = this.socket!;
    socket.write(
      headText(200, { ...this.common, "Content-Type": type, Connection: "close", ...headers }),
    );
    return socket;
  }
}

/** Resolves when more may be written, or when nobody reads any more. */
export function drained(out: ServerResponse | Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      out.off("drain", done);
      out.off("close", done);
      resolve();
    };
    out.once("drain", done);
    out.once("close", done);
    if (out.destroyed) done();
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusal(`invalid JSON: ${jsonFault(text)}`);
  }
}

/** Words of Go's decoder for the two commonest faults. */
function jsonFault(text: string): string {
  const trimmed = text.trim();
  if (/^[{["]/.test(trimmed) && !/[}\]"]$/.test(trimmed)) return "unexpected EOF";
  const shown = JSON.stringify(trimmed[0] ?? "").replaceAll('"', "'");
  return /^[{["0-9tfn-]/.test(trimmed)
    ? "invalid character in the request body"
    : `invalid character ${shown} looking for beginning of value`;
}

/** A refusal with status 400. */
export function refusal(message: string) {
  return failure({ layer: "dockerd", op: "read request", code: "invalid_argument", message });
}
