import { failure } from "../errors/chain_error.ts";
import type { TlsOptions } from "./registry_endpoint.ts";
import { registryFault, unreachable, withoutQuery } from "./registry_failure.ts";

const MAX_REDIRECTS = 10;
/** Longest error body that is read. */
const MAX_ERROR_BYTES = 64 * 1024;
export const USER_AGENT = "docker/28.2.2 catena/0.1.0";

export interface HttpRequest {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: AsyncIterable<Uint8Array> | Uint8Array | string;
  tls: TlsOptions;
  signal?: AbortSignal;
  /** A connection on which nothing moves for this long is given up. */
  stallMs: number;
}

type SentBody = NonNullable<RequestInit["body"]>;

/** A reply whose body is still to be read: use one of `bytes`, `text` or `discard`. */
export interface HttpReply {
  status: number;
  headers: Headers;
  /** The address that answered, after redirects. */
  url: string;
  bytes(): AsyncIterable<Uint8Array>;
  text(maxBytes?: number): Promise<string>;
  discard(): Promise<void>;
}

/**
 * Sends one request and follows redirects. Rejects with a ChainError when there is no reply; a
 * reply of any status resolves. Credentials go to the host that was asked, never to where it
 * redirects to, and never from TLS to plain HTTP.
 */
export async function sendRequest(request: HttpRequest): Promise<HttpReply> {
  let { url } = request;
  let headers = request.headers ?? {};
  for (let hops = 0; ; hops++) {
    const reply = await sendOnce({ ...request, url, headers });
    const target = reply.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(reply.status) || target === null) return reply;
    // A body that was streamed cannot be sent twice.
    if (request.body !== undefined) return reply;
    await reply.discard();
    if (hops >= MAX_REDIRECTS) {
      throw registryFault(opOf(request), `stopped after ${MAX_REDIRECTS} redirects`);
    }
    const next = redirectUrl(target, url, request);
    if (new URL(next).host !== new URL(url).host) headers = withoutCredentials(headers);
    url = next;
  }
}

const opOf = ({ method, url }: HttpRequest) => `${method} ${new URL(url).pathname}`;

function redirectUrl(target: string, from: string, request: HttpRequest): string {
  let next: URL;
  try {
    next = new URL(target, from);
  } catch {
    throw registryFault(opOf(request), `it redirects to ${JSON.stringify(target.slice(0, 200))}`);
  }
  const downgrade = new URL(from).protocol === "https:" && next.protocol === "http:";
  if (!/^https?:$/.test(next.protocol) || (downgrade && request.tls.rejectUnauthorized !== false)) {
    throw registryFault(opOf(request), `it redirects to ${next.protocol}//${next.host}`, [
      { kind: "log", value: "a redirect away from TLS is not followed", ref: withoutQuery(from) },
    ]);
  }
  return next.href;
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  const { Authorization: _, ...rest } = headers;
  return rest;
}

async function sendOnce(request: HttpRequest): Promise<HttpReply> {
  const guard = new StallGuard(request);
  try {
    const response = await fetch(request.url, {
      method: request.method,
      headers: { "User-Agent": USER_AGENT, ...request.headers },
      ...(request.body === undefined ? {} : { body: guard.watch(request.body) }),
      redirect: "manual",
      signal: guard.signal,
      tls: request.tls,
      // Digests are over the bytes as they are sent.
      decompress: false,
      timeout: false,
    } as RequestInit);
    return replyOf(response, request, guard);
  } catch (thrown) {
    throw guard.explain(thrown);
  }
}

function replyOf(response: Response, request: HttpRequest, guard: StallGuard): HttpReply {
  async function* bytes(): AsyncIterable<Uint8Array> {
    try {
      guard.touch();
      for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        guard.touch();
        yield part;
        guard.touch();
      }
    } catch (thrown) {
      throw guard.explain(thrown);
    } finally {
      guard.end();
    }
  }
  const text = async (maxBytes = MAX_ERROR_BYTES) => {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of bytes()) {
      size += part.length;
      if (size > maxBytes) {
        throw registryFault(opOf(request), `the reply is longer than ${maxBytes} bytes`);
      }
      parts.push(part);
    }
    return Buffer.concat(parts).toString("utf8");
  };
  const discard = async () => {
    guard.end();
    await response.body?.cancel().catch(() => undefined);
  };
  const { status, headers } = response;
  return { status, headers, url: request.url, bytes, text, discard };
}

/** Gives a request up when nothing moves, and tells a stall from an abort. */
class StallGuard {
  readonly #request: HttpRequest;
  readonly #stalled = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly signal: AbortSignal;

  constructor(request: HttpRequest) {
    this.#request = request;
    const { signal } = request;
    this.signal = signal ? AbortSignal.any([signal, this.#stalled.signal]) : this.#stalled.signal;
    this.touch();
  }

  /** Something moved. */
  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stalled.abort(), this.#request.stallMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  watch(body: NonNullable<HttpRequest["body"]>): SentBody {
    if (typeof body === "string" || body instanceof Uint8Array) return body as SentBody;
    const touch = () => this.touch();
    async function* watched() {
      for await (const part of body as AsyncIterable<Uint8Array>) {
        touch();
        yield part;
      }
    }
    return watched() as unknown as SentBody;
  }

  explain(thrown: unknown): unknown {
    this.end();
    const { url, stallMs, signal } = this.#request;
    const op = opOf(this.#request);
    if (this.#stalled.signal.aborted) {
      return failure({
        layer: "registry",
        op,
        code: "deadline_exceeded",
        message: `${JSON.stringify(withoutQuery(url))}: net/http: timeout awaiting response`,
        cause: `nothing was received for ${stallMs / 1000} s`,
        fix: "look at the registry and the network to it; what was received is kept",
        evidence: [{ kind: "log", value: `no byte for ${stallMs} ms`, ref: new URL(url).host }],
      });
    }
    if (signal?.aborted) {
      return failure({ layer: "registry", op, code: "cancelled", message: "context canceled" });
    }
    if ((thrown as { name?: string }).name === "ChainError") return thrown;
    return unreachable(op, url, thrown);
  }
}
