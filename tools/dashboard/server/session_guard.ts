import { timingSafeEqual } from "node:crypto";

/** A browser sends a host's cookies to all its ports: each dashboard has its own by its port. */
const cookieName = (port: number) => `catena_dashboard_${port}`;
const TOKEN_BYTES = 24;

/** What a request may do: pass, turn a token into a cookie, or nothing. */
export type Admission = { pass: true } | { pass: false; response: Response };

/**
 * Lets in whoever holds the token that was printed at the start: once in the address, then in a
 * cookie. Every request's Host must be this loopback's, so that no foreign name that resolves to it
 * reaches us (DNS rebinding); and what changes something must come from our own page.
 */
export class SessionGuard {
  readonly token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();

  /** Judges one request to a server on `port`. */
  admit(request: Request, port: number): Admission {
    const url = new URL(request.url);
    const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
    if (!hosts.includes(request.headers.get("Host") ?? "")) return refuse(421, "wrong host");
    const origin = request.headers.get("Origin");
    if (origin !== null && !hosts.includes(origin.replace(/^http:\/\//, ""))) {
      return refuse(403, "foreign origin");
    }
    if (this.#isToken(cookieOf(request, port))) return { pass: true };
    const told = url.searchParams.get("token");
    if (!this.#isToken(told)) return refuse(401, "open the address that catena dashboard printed");
    const cookie = `${cookieName(port)}=${this.token}; HttpOnly; SameSite=Strict; Path=/`;
    // The token does not stay in the address, where it would be seen and shared.
    const headers = {
      Location: url.pathname,
      "Set-Cookie": cookie,
      "Referrer-Policy": "no-referrer",
    };
    return { pass: false, response: new Response(null, { status: 303, headers }) };
  }

  #isToken(told: string | null | undefined): boolean {
    if (!told || told.length !== this.token.length) return false;
    return timingSafeEqual(Buffer.from(told), Buffer.from(this.token));
  }
}

function cookieOf(request: Request, port: number): string | undefined {
  const pairs = (request.headers.get("Cookie") ?? "").split(/; */);
  const start = `${cookieName(port)}=`;
  return pairs.find((pair) => pair.startsWith(start))?.slice(start.length);
}

function refuse(status: number, text: string): Admission {
  return { pass: false, response: new Response(`${text}\n`, { status }) };
}
