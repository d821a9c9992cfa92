import { ChainError } from "../errors/chain_error.ts";
import { type Backoff, DEFAULT_BACKOFF, isTransient, pause, waitBefore } from "./backoff.ts";
import type { Credentials } from "./credentials.ts";
import type { Endpoint } from "./registry_endpoint.ts";
import { refusedByRegistry } from "./registry_failure.ts";
import { type HttpReply, type HttpRequest, sendRequest } from "./registry_http.ts";
import { TokenSource } from "./token_source.ts";

const DEFAULT_STALL_MS = 30_000;

export interface RegistryClientOptions {
  endpoint: Endpoint;
  credentials?: Credentials;
  signal?: AbortSignal;
  backoff?: Backoff;
  stallMs?: number;
}

export interface RegistryRequest {
  method: string;
  /** Below the endpoint's base, or a whole URL that the registry gave. */
  path: string;
  /** What the token must allow: `repository:NAME:pull`. */
  scope: string;
  headers?: Record<string, string>;
  /** Made anew for each try. */
  body?: () => NonNullable<HttpRequest["body"]>;
  /** For what cannot be repeated as it is: the caller begins again instead. */
  once?: boolean;
}

/** Requests to one registry at one address: authorised, and tried again where that may help. */
export class RegistryClient {
  readonly endpoint: Endpoint;
  readonly backoff: Backoff;
  readonly signal: AbortSignal | undefined;
  readonly #tokens: TokenSource;
  readonly #stallMs: number;
  /** It is there: when it stops answering now, it may come back. */
  #answered = false;

  constructor(options: RegistryClientOptions) {
    this.endpoint = options.endpoint;
    this.backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.signal = options.signal;
    this.#stallMs = options.stallMs ?? DEFAULT_STALL_MS;
    const credentials = options.endpoint.mirror ? {} : (options.credentials ?? {});
    this.#tokens = new TokenSource(options.endpoint, credentials, this.#stallMs);
  }

  /** Asks once whether a registry answers here at all. Returns the status it answers with. */
  async probe(): Promise<number> {
    const request = { method: "GET", path: "/v2/", scope: "" };
    const reply = await this.#authorised(request);
    await reply.discard();
    return reply.status;
  }

  /** Sends a request. A reply of any status resolves; only a registry that is not there rejects. */
  async send(request: RegistryRequest): Promise<HttpReply> {
    for (let tried = 1; ; tried++) {
      let wait: number | undefined;
      try {
        const reply = await this.#authorised(request);
        this.#answered = true;
        if (request.once || !isTransient(reply.status)) return reply;
        wait = waitBefore(this.backoff, tried, reply.headers.get("retry-after"));
        if (wait === undefined) return reply;
        await reply.discard();
      } catch (error) {
        const again = !request.once && isLost(error) && (this.#answered || !isAbsent(error));
        wait = again ? waitBefore(this.backoff, tried, null) : undefined;
        if (wait === undefined) throw error;
      }
      await pause(wait, this.signal);
    }
  }

  /** Sends a request whose reply must have one of these statuses; any other is thrown. */
  async expect(request: RegistryRequest, statuses: readonly number[]): Promise<HttpReply> {
    const reply = await this.send(request);
    if (statuses.includes(reply.status)) return reply;
    throw await refusalOf(request, reply);
  }

  /** Once with what was good before, and once more with an answer to the challenge. */
  async #authorised(request: RegistryRequest): Promise<HttpReply> {
    const reply = await this.#once(request, this.#tokens.known(request.scope));
    if (reply.status !== 401) return reply;
    const answer = await this.#tokens.answer(reply, request.scope, this.signal);
    if (answer === undefined) return reply;
    await reply.discard();
    return this.#once(request, answer);
  }

  #once(request: RegistryRequest, authorization: string | undefined): Promise<HttpReply> {
    const { method, path, headers, body } = request;
    const url = /^https?:/.test(path) ? path : `${this.endpoint.base}${path}`;
    const own = new URL(url).host === new URL(this.endpoint.base).host;
    return sendRequest({
      method,
      url,
      headers: { ...headers, ...(authorization && own ? { Authorization: authorization } : {}) },
      ...(body ? { body: body() } : {}),
      tls: this.endpoint.tls,
      stallMs: this.#stallMs,
      ...(this.signal ? { signal: this.signal } : {}),
    });
  }
}

/** Nobody listens at that address, or it is none: a second try would find the same. */
const isAbsent = (error: unknown) =>
  error instanceof ChainError &&
  error.outer.evidence.some(({ kind, value }) => kind === "errno" && ABSENT.test(value));

const ABSENT = /ConnectionRefused|ECONNREFUSED|ENOTFOUND|FailedToOpenSocket|ENETUNREACH/;

/** A connection that broke or stalled: the next one may work. */
export const isLost = (error: unknown) =>
  error instanceof ChainError &&
  (error.outer.code === "unavailable" || error.outer.code === "deadline_exceeded");

/** The error that a reply means. Reads its body. */
export async function refusalOf(
  request: { method: string; path: string },
  reply: HttpReply,
): Promise<ChainError> {
  const path = request.path.replace(/^https?:\/\/[^/]*/, "").replace(/\?.*$/s, "");
  return refusedByRegistry({
    op: `${request.method} ${path}`,
    url: reply.url,
    status: reply.status,
    body: await reply.text().catch(() => ""),
    retryAfter: reply.headers.get("retry-after"),
  });
}
