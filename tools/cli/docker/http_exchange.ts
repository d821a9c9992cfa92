import { type IncomingMessage, request } from "node:http";
import type { Readable } from "node:stream";
import { toChainError } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import { formatTraceparent } from "#lib/trace/span.ts";
import { errorFromReply } from "#wire/docker-api/errors.ts";

export interface HttpCall {
  method: string;
  path: string;
  op: string;
  /** Sent as JSON, or streamed when it is a stream. */
  body?: unknown;
  stream?: Readable;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Headers of every request: the trace goes on through them. */
export function callHeaders(context: CallContext): Record<string, string> {
  const headers: Record<string, string> = { Host: "docker", "User-Agent": "catena" };
  if (context.trace) headers["traceparent"] = formatTraceparent(context.trace);
  return headers;
}

/**
 * Sends one request to a Docker Engine and resolves with the answer once its headers are there; the
 * body is the caller's to read. Rejects with a ChainError when nobody answers or the answer is a
 * refusal.
 */
export async function openExchange(
  socketPath: string,
  call: HttpCall,
  context: CallContext,
): Promise<IncomingMessage> {
  const response = await send(socketPath, call, context);
  const status = response.statusCode ?? 0;
  if (status < 400) return response;
  throw errorFromReply(status, await readBody(response), call.op);
}

/** The same for answers that are read whole: the parsed JSON, or undefined for an empty body. */
export async function exchangeJson(
  socketPath: string,
  call: HttpCall,
  context: CallContext,
): Promise<unknown> {
  const text = await readBody(await openExchange(socketPath, call, context));
  return text.trim() === "" ? undefined : (JSON.parse(text) as unknown);
}

function send(socketPath: string, call: HttpCall, context: CallContext): Promise<IncomingMessage> {
  const headers = callHeaders(context);
  const text = call.body === undefined ? undefined : JSON.stringify(call.body);
  if (text !== undefined) headers["Content-Type"] = "application/json";
  if (call.stream) headers["Content-Type"] = "application/x-tar";
  return new Promise((resolve, reject) => {
    const { method, path } = call;
    const outgoing = request({ socketPath, path, method, headers, agent: false });
    outgoing.on("response", resolve);
    outgoing.on("error", (error) => reject(unreachable(error, socketPath, call.op)));
    if (call.stream) {
      call.stream.on("error", (error) => {
        reject(toChainError(error, "cli", call.op));
        outgoing.destroy();
      });
      call.stream.pipe(outgoing);
    } else outgoing.end(text);
  });
}

/** What a person must know first: is the daemon there at all? */
export function unreachable(error: unknown, socketPath: string, op: string) {
  return toChainError(error, "cli", op).wrap({
    layer: "cli",
    op,
    code: "unavailable",
    message: `no Docker Engine answers at ${socketPath}`,
    cause: "the daemon is down, or listens elsewhere",
    fix: "start it (catena daemon), or name its folder with --state or its socket with --docker",
    evidence: [{ kind: "path", value: "Docker socket", ref: socketPath }],
  });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new RangeError("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
