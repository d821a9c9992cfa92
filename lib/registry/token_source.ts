import { type Challenge, parseChallenges } from "./challenge.ts";
import { basicAuth, type Credentials, hasCredentials } from "./credentials.ts";
import type { Endpoint } from "./registry_endpoint.ts";
import { refusedByRegistry, registryFault } from "./registry_failure.ts";
import { type HttpReply, sendRequest } from "./registry_http.ts";

const MAX_TOKEN_BYTES = 256 * 1024;
/** A token is renewed this long before its end. */
const EARLY_MS = 10_000;
const DEFAULT_LIFE_S = 60;
const MAX_TOKENS = 100;

interface Token {
  header: string;
  untilMs: number;
}

/** Answers a registry's challenges: the value of `Authorization` for each scope. */
export class TokenSource {
  readonly #endpoint: Endpoint;
  readonly #credentials: Credentials;
  readonly #stallMs: number;
  readonly #tokens = new Map<string, Token>();

  constructor(endpoint: Endpoint, credentials: Credentials, stallMs: number) {
    this.#endpoint = endpoint;
    this.#credentials = credentials;
    this.#stallMs = stallMs;
  }

  /** What was good for this scope before; undefined when nothing was asked for yet. */
  known(scope: string): string | undefined {
    const { registryToken } = this.#credentials;
    if (registryToken) return `Bearer ${registryToken}`;
    const token = this.#tokens.get(scope);
    return token && token.untilMs > Date.now() ? token.header : undefined;
  }

  /**
   * Answers a 401. Returns undefined when there is nothing to answer with: no challenge that we
   * know, or credentials that it wants and we lack. Rejects with the token server's refusal.
   */
  async answer(
    reply: HttpReply,
    scope: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(reply.headers.get("www-authenticate"));
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (this.#credentials.registryToken) return undefined;
    if (bearer) return this.#keep(scope, await this.#fetchToken(bearer, scope, signal));
    if (!challenges.some(({ scheme }) => scheme === "basic")) return undefined;
    if (!hasCredentials(this.#credentials)) return undefined;
    const header = basicAuth(this.#credentials);
    return this.#keep(scope, { header, untilMs: Number.POSITIVE_INFINITY });
  }

  #keep(scope: string, token: Token): string {
    if (this.#tokens.size >= MAX_TOKENS) this.#tokens.clear();
    this.#tokens.set(scope, token);
    return token.header;
  }

  async #fetchToken(
    challenge: Challenge,
    scope: string,
    signal: AbortSignal | undefined,
  ): Promise<Token> {
    const { realm = "", service = "" } = challenge.parameters;
    const wanted = challenge.parameters["scope"] ?? scope;
    const op = "ask for token";
    if (!/^https?:\/\//.test(realm)) {
      throw registryFault(op, `the token server's address is ${JSON.stringify(realm)}`);
    }
    const reply = this.#credentials.identityToken
      ? await this.#exchange(realm, service, wanted, signal)
      : await this.#ask(realm, service, wanted, signal);
    const text = await reply.text(MAX_TOKEN_BYTES);
    if (reply.status !== 200) {
      const retryAfter = reply.headers.get("retry-after");
      throw refusedByRegistry({ op, url: realm, status: reply.status, body: text, retryAfter });
    }
    return readToken(text, op);
  }

  /** GET with basic credentials, or as nobody. */
  #ask(realm: string, service: string, scope: string, signal: AbortSignal | undefined) {
    const url = new URL(realm);
    if (service) url.searchParams.set("service", service);
    for (const part of scope.split(" ").filter(Boolean)) url.searchParams.append("scope", part);
    const known = hasCredentials(this.#credentials);
    if (known) url.searchParams.set("account", this.#credentials.username ?? "");
    return sendRequest({
      method: "GET",
      url: url.href,
      ...(known ? { headers: { Authorization: basicAuth(this.#credentials) } } : {}),
      tls: this.#endpoint.tls,
      stallMs: this.#stallMs,
      ...(signal ? { signal } : {}),
    });
  }

  /** POST of OAuth 2: an identity token stands for the password. */
  #exchange(realm: string, service: string, scope: string, signal: AbortSignal | undefined) {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      service,
      scope,
      client_id: "docker",
      refresh_token: this.#credentials.identityToken ?? "",
    });
    return sendRequest({
      method: "POST",
      url: realm,
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: form.toString(),
      tls: this.#endpoint.tls,
      stallMs: this.#stallMs,
      ...(signal ? { signal } : {}),
    });
  }
}

function readToken(text: string, op: string): Token {
  let value: { token?: unknown; access_token?: unknown; expires_in?: unknown };
  try {
    value = JSON.parse(text);
  } catch {
    throw registryFault(op, "the token server's reply is not JSON");
  }
  const token = value?.token || value?.access_token;
  if (typeof token !== "string" || token === "" || /[\r\n]/.test(token)) {
    throw registryFault(op, "authorization server did not include a token in the response");
  }
  const given = value.expires_in;
  const life = typeof given === "number" && given > 0 ? given : DEFAULT_LIFE_S;
  return { header: `Bearer ${token}`, untilMs: Date.now() + life * 1000 - EARLY_MS };
}
