import { connect, type Socket } from "node:net";
import { failure } from "#lib/errors/chain_error.ts";
import type { CallContext } from "#lib/rpc/service.ts";
import type { AttachedStreams, InputSink, OutputChunk } from "../engine.ts";
import { errorFromReply } from "../errors.ts";
import { FrameDecoder } from "../stdcopy.ts";
import { type DockerTransport, type QueryValues, queryText, requestHeaders } from "./transport.ts";

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_ERROR_BYTES = 1024 * 1024;

export interface HijackRequest {
  path: string;
  query?: QueryValues;
  json?: unknown;
  tty: boolean;
  stdin: boolean;
}

/** Sends a request whose connection becomes a process's streams, and takes them over. */
export async function hijack(
  transport: DockerTransport,
  request: HijackRequest,
  context: CallContext,
): Promise<AttachedStreams> {
  const path = `${await transport.prefix()}${request.path}${queryText(request.query ?? {})}`;
  const op = `POST ${request.path}`;
  const socket = await open(transport, op);
  const onAbort = () => socket.destroy();
  context.signal?.addEventListener("abort", onAbort, { once: true });
  socket.once("close", () => context.signal?.removeEventListener("abort", onAbort));
  const body = request.json === undefined ? "" : JSON.stringify(request.json);
  const headers: Record<string, string> = {
    Host: "docker",
    Connection: "Upgrade",
    Upgrade: "tcp",
    ...requestHeaders(request.json === undefined ? {} : { json: request.json }, context),
    "Content-Length": String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  const reader = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const { status, rest } = await readHead(reader, socket, op);
  if (status !== 101 && status !== 200) {
    const text = await readRest(rest, reader);
    socket.destroy();
    throw errorFromReply(status, text, op);
  }
  const streams: AttachedStreams = {
    tty: request.tty,
    output: output(request.tty, rest, reader, socket),
  };
  if (request.stdin) streams.input = inputSink(socket);
  return streams;
}

function open(transport: DockerTransport, op: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: transport.socketPath, allowHalfOpen: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", (error) => reject(transport.unreachable(error, op)));
  });
}

const broken = (op: string, message: string) =>
  failure({ layer: "dockerd", op, code: "unavailable", message });

async function readHead(
  reader: AsyncIterator<Buffer>,
  socket: Socket,
  op: string,
): Promise<{ status: number; rest: Buffer }> {
  let data = Buffer.alloc(0);
  for (;;) {
    const { done, value } = await reader.next();
    if (done) throw broken(op, "the daemon closed the connection before it answered");
    data = Buffer.concat([data, value]);
    const end = data.indexOf("\r\n\r\n");
    if (end >= 0) {
      const status = Number(
        data.toString("latin1", 0, end).match(/^HTTP\/1\.[01] ([0-9]{3})/)?.[1],
      );
      if (Number.isNaN(status)) break;
      return { status, rest: data.subarray(end + 4) };
    }
    if (data.length > MAX_HEAD_BYTES) break;
  }
  socket.destroy();
  throw broken(op, "the daemon's reply is not HTTP");
}

/** The body of a refusal. The daemon closes the connection behind it, or tells its length. */
async function readRest(first: Buffer, reader: AsyncIterator<Buffer>): Promise<string> {
  let data = first;
  while (data.length < MAX_ERROR_BYTES) {
    const text = data.toString("utf8");
    if (/\}\s*$/.test(text)) return text;
    const { done, value } = await reader.next();
    if (done) return text;
    data = Buffer.concat([data, value]);
  }
  return data.toString("utf8");
}

async function* output(
  tty: boolean,
  first: Buffer,
  reader: AsyncIterator<Buffer>,
  socket: Socket,
): AsyncIterable<OutputChunk> {
  const decoder = tty ? undefined : new FrameDecoder();
  const chunks = (data: Buffer): OutputChunk[] =>
    decoder ? decoder.push(data) : [{ stream: 1, data }];
  try {
    if (first.length > 0) yield* chunks(first);
    for (;;) {
      const { done, value } = await reader.next();
      if (done) return;
      yield* chunks(value);
    }
  } finally {
    socket.destroy();
  }
}

function inputSink(socket: Socket): InputSink {
  return {
    write: (data) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed || socket.writableEnded) return resolve();
        socket.write(data, (error) => (error ? reject(error) : resolve()));
      }),
    end: () =>
      new Promise((resolve) => {
        if (socket.destroyed || socket.writableEnded) return resolve();
        socket.end(() => resolve());
      }),
  };
}
