import { type ChainError, failure } from "../errors/chain_error.ts";
import type { ErrorCode, Evidence } from "../errors/frame.ts";

/** Longest text of a registry's error body that is shown. */
const MAX_SHOWN = 500;

/** What a registry sent is not what it must be. */
export const registryFault = (op: string, message: string, evidence: Evidence[] = []): ChainError =>
  failure({ layer: "registry", op, code: "data_loss", message, evidence });

interface Refused {
  op: string;
  url: string;
  status: number;
  body: string;
  retryAfter: string | null;
}

interface Verdict {
  code: ErrorCode;
  cause?: string;
  fix?: string;
}

/** A registry's refusal: its own words, what they mean, and what to do. */
export function refusedByRegistry(refused: Refused): ChainError {
  const { op, url, status, body } = refused;
  const { code, cause, fix } = verdictOf(refused);
  return failure({
    layer: "registry",
    op,
    code,
    message: registryWords(status, body),
    ...(cause ? { cause } : {}),
    ...(fix ? { fix } : {}),
    evidence: [{ kind: "exit", value: `HTTP status ${status}`, ref: withoutQuery(url) }],
  });
}

/** Signed URLs carry secrets in their query. */
export const withoutQuery = (url: string) => url.replace(/\?.*$/s, "");

function verdictOf({ status, retryAfter }: Refused): Verdict {
  switch (status) {
    case 401:
      return {
        code: "unauthenticated",
        cause: "the registry did not accept the credentials, or there were none",
        fix: "log in to this registry, then try again",
      };
    case 403:
      return {
        code: "permission_denied",
        cause: "the account has no right to this repository",
        fix: "use an account that has, or another repository",
      };
    case 404:
      return { code: "not_found" };
    case 429:
      return {
        code: "resource_exhausted",
        cause: "the registry limits how often this address or account may ask",
        fix: `wait${retryAfter ? ` ${retryAfter} s` : ""}, log in, or use a mirror`,
      };
    default:
      if (status < 500) return { code: "invalid_argument" };
      return {
        code: "unavailable",
        cause: "the registry itself failed, again after several tries",
        fix: "look at the registry's log; nothing is wrong on this host",
      };
  }
}

interface RegistryError {
  code?: string;
  message?: string;
  detail?: unknown;
}

/** `errors` of a reply as docker prints them: "manifest unknown: manifest unknown". */
export function registryWords(status: number, body: string): string {
  const errors = errorsOf(body);
  if (errors.length === 0) {
    const text = body.replace(/<[^>]*>|\s+/g, " ").trim();
    const shown = text === "" ? "" : `: ${text.slice(0, MAX_SHOWN)}`;
    return `received unexpected HTTP status: ${status}${shown}`;
  }
  const words = errors.map(({ code = "UNKNOWN", message = "" }) => {
    const name = code.toLowerCase().replaceAll("_", " ");
    return message === "" ? name : `${name}: ${message}`;
  });
  return words.join("; ").slice(0, MAX_SHOWN);
}

function errorsOf(body: string): RegistryError[] {
  try {
    const value = JSON.parse(body) as { errors?: unknown; message?: unknown; details?: unknown };
    if (Array.isArray(value.errors)) return value.errors.filter((item) => item?.code);
    const message = value.details ?? value.message;
    return typeof message === "string" ? [{ code: "denied", message }] : [];
  } catch {
    return [];
  }
}

/** A registry that could not be reached or whose connection broke. */
export function unreachable(op: string, url: string, thrown: unknown): ChainError {
  const { code = "", message = "" } = thrown as { code?: string; message?: string };
  const { host } = new URL(url);
  const known = REASONS.find(([pattern]) => pattern.test(`${code} ${message}`));
  const [, words, cause, fix] = known ?? [undefined, message, undefined, undefined];
  return failure({
    layer: "registry",
    op,
    code: "unavailable",
    message: `${verbOf(op)} ${JSON.stringify(withoutQuery(url))}: ${words.replace("HOST", host)}`,
    ...(cause ? { cause } : {}),
    ...(fix ? { fix: fix.replace("HOST", host) } : {}),
    evidence: [{ kind: "errno", value: code || message, ref: host }],
  });
}

/** The request's method as Go's client, and so dockerd, writes it: `Get`. */
function verbOf(op: string): string {
  const method = op.split(" ", 1)[0] ?? "";
  return method.slice(0, 1) + method.slice(1).toLowerCase();
}

/** What Bun's client says, docker's words for it, what it means, what to do. */
const REASONS: [RegExp, string, string, string][] = [
  [
    /ConnectionRefused|ECONNREFUSED/,
    "dial tcp HOST: connect: connection refused",
    "nothing listens there",
    "start the registry, or correct its address",
  ],
  [
    /ENOTFOUND|FailedToOpenSocket|EAI_AGAIN|DNS/i,
    "dial tcp: lookup HOST: no such host",
    "the name has no address, or this host has no network",
    "check the name, /etc/resolv.conf and the route; offline, use load or import",
  ],
  [
    /CERT|SIGNATURE|SELF_SIGNED|certificate/i,
    "x509: certificate signed by unknown authority or not valid for this name",
    "the registry's certificate is not trusted by this host",
    "put its CA into the certificates folder as HOST/ca.crt, or declare the registry insecure",
  ],
  [
    /WRONG_VERSION|SSL|TLS|EPROTO/i,
    "http: server gave HTTP response to HTTPS client",
    "the registry speaks plain HTTP",
    "give the registry a certificate, or declare it insecure",
  ],
  [
    /ConnectionClosed|ECONNRESET|EPIPE|socket connection was closed|terminated/i,
    "unexpected EOF",
    "the registry, or a proxy before it, closed the connection in the middle",
    "try again: what was received is kept and is not fetched again",
  ],
];
