import type { Field } from "./http2/hpack_tables.ts";

/** The fields of a request. */
export interface RequestHead {
  method: string;
  path: string;
  /** Those that are not of HTTP/2 itself; of several with a name, the first. */
  fields: Map<string, string>;
}

const PSEUDO = [":method", ":scheme", ":path", ":authority"];
/** What belongs to a connection has no place in a request (RFC 9113, section 8.2.2). */
const FORBIDDEN = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Sorts a request's fields. Undefined when they are malformed. What `:authority` says is not looked
 * at: Go's clients that dial a socket by its path (crictl, kubelets up to 1.26) send that path.
 */
export function requestHead(fields: readonly Field[]): RequestHead | undefined {
  const pseudo = new Map<string, string>();
  const others = new Map<string, string>();
  for (const [name, value] of fields) {
    if (name.startsWith(":")) {
      if (others.size > 0 || pseudo.has(name) || !PSEUDO.includes(name)) return undefined;
      pseudo.set(name, value);
    } else if (!isAllowed(name, value)) return undefined;
    else if (!others.has(name)) others.set(name, value);
  }
  const method = pseudo.get(":method");
  const path = pseudo.get(":path");
  if (!method || !path || !pseudo.has(":scheme")) return undefined;
  return { method, path, fields: others };
}

function isAllowed(name: string, value: string): boolean {
  if (name === "" || /[A-Z]/.test(name) || FORBIDDEN.has(name)) return false;
  return name !== "te" || value === "trailers";
}

const UNIT_MS: Record<string, number> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds of a `grpc-timeout`, undefined without one or for one that is none. */
export function timeoutMs(value: string | undefined): number | undefined {
  const found = /^(\d{1,8})([HMSmun])$/.exec(value ?? "");
  return found ? Number(found[1]) * UNIT_MS[found[2]!]! : undefined;
}

/** A `grpc-message`: percent-encoded UTF-8, as headers carry printable ASCII alone. */
export function encodeMessage(text: string): string {
  let out = "";
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    out += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** Reads a `grpc-message`; what is no percent-encoding stays as it is. */
export function decodeMessage(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes[at] === 0x25 ? value.slice(at + 1, at + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(code)) {
      out.push(Number.parseInt(code, 16));
      at += 2;
    } else out.push(bytes[at]!);
  }
  return Buffer.from(out).toString("utf8");
}
