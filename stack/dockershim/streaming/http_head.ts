/** The head of a request that becomes a stream. */
export interface RequestHead {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Names in lower case; values of a name that comes more than once are joined by commas. */
  headers: Map<string, string>;
}

/** Longest head that is read. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** Reads a head that ends with an empty line. Undefined when it is no HTTP/1.1 request. */
export function parseHead(text: string): RequestHead | undefined {
  const [start = "", ...lines] = text.split("\r\n");
  const match = start.match(/^([A-Z]{3,7}) (\/[\x21-\x7e]*) HTTP\/1\.[01]$/);
  if (!match) return undefined;
  const headers = new Map<string, string>();
  for (const line of lines) {
    if (line === "") continue;
    const at = line.indexOf(":");
    if (at < 1) return undefined;
    const name = line.slice(0, at).toLowerCase();
    const value = line.slice(at + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  const url = match[2]!;
  const mark = url.indexOf("?");
  return {
    method: match[1]!,
    path: mark < 0 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1)),
    headers,
  };
}

/** The values of a header that is a list. */
export function headerList(head: RequestHead, name: string): string[] {
  return (head.headers.get(name) ?? "")
    .split(",")
    .map((value) => value.trim())
    .filter((value) => value !== "");
}

const REASONS: Record<number, string> = {
  101: "Switching Protocols",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  500: "Internal Server Error",
};

/** A reply's head, and its body where it has one. */
export function replyText(status: number, headers: Record<string, string>, body = ""): string {
  const all: Record<string, string> = { ...headers };
  if (status !== 101) all["Content-Length"] = String(Buffer.byteLength(body));
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${REASONS[status] ?? "Status"}\r\n${lines.join("")}\r\n${body}`;
}
