import { randomBytes } from "node:crypto";

/** How long a URL that was given out may wait for its one use. */
const LIFE_MS = 60_000;
/** Requests that wait at once; as containerd's and the kubelet's own. */
const MAX_TOKENS = 1000;
const TOKEN_BYTES = 16;

/** Requests that were agreed on, under tokens that are valid once and for a minute. */
export class TokenStore<T> {
  readonly #entries = new Map<string, { request: T; expiresAt: number }>();

  /** Keeps a request; undefined when too many wait. */
  insert(request: T, now = Date.now()): string | undefined {
    for (const [token, { expiresAt }] of this.#entries) {
      // In order of their age: those after the first living one live too.
      if (expiresAt > now) break;
      this.#entries.delete(token);
    }
    if (this.#entries.size >= MAX_TOKENS) return undefined;
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    this.#entries.set(token, { request, expiresAt: now + LIFE_MS });
    return token;
  }

  /** The request of a token, which is used up by that. */
  consume(token: string, now = Date.now()): T | undefined {
    const entry = this.#entries.get(token);
    this.#entries.delete(token);
    return entry && entry.expiresAt > now ? entry.request : undefined;
  }
}
