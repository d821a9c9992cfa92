import { connect, type Socket } from "node:net";
import type { CallContext } from "#lib/rpc/service.ts";
import type { AttachedStreams, InputSink, OutputChunk } from "#wire/docker-api/engine.ts";
import { errorFromReply } from "#wire/docker-api/errors.ts";
import { FrameDecoder } from "#wire/docker-api/stdcopy.ts";
import { callHeaders, unreachable } from "./http_exchange.ts";

export interface HijackRequest {
  path: string;
  op: string;
  body?: unknown;
  tty: boolean;
  stdin: boolean;
}

const MAX_HEAD_BYTES = 64 * 1024;

/**
 * Opens a stream that leaves HTTP behind: POST with Upgrade, answered by 101, or by 200 where the
 * engine does not upgrade; from then on the connection is the process' own. Written on the plain
 * socket, because both forms must be taken and the half-close must reach the engine.
 */
export async function openHijacked(
  socketPath: string,
  request: HijackRequest,
  context: CallContext,
): Promise<AttachedStreams> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  const reader = new SocketReader(socket);
  await connected(socket, socketPath, request.op);
  socket.write(requestText(request, context));
  const { status, rest } = await readHead(reader, request.op);
  if (status !== 101 && status !== 200) {
    reader.unshift(rest);
    throw errorFromReply(status, await reader.readAll(), request.op);
  }
  reader.unshift(rest);
  const streams: AttachedStreams = { tty: request.tty, output: output(reader, request.tty) };
  if (request.stdin) streams.input = input(socket);
  else socket.end();
  return streams;
}

function connected(socket: Socket, socketPath: string, op: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", (error) => reject(unreachable(error, socketPath, op)));
  });
}

function requestText({ path, body }: HijackRequest, context: CallContext): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const headers: Record<string, string> = {
    ...callHeaders(context),
    Connection: "Upgrade",
    Upgrade: "tcp",
    "Content-Type": "application/json",
    "Content-Length": String(Buffer.byteLength(text)),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${text}`;
}

/** A socket's bytes in order, one reader at a time; the sender waits while nobody reads. */
class SocketReader {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const wake = () => {
      this.#wake?.();
      this.#wake = undefined;
    };
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      socket.pause();
      wake();
    });
    const end = () => {
      this.#ended = true;
      wake();
    };
    socket.on("end", end);
    socket.on("close", end);
    socket.on("error", end);
  }

  unshift(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.unshift(chunk);
  }

  /** The next bytes; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#ended) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#socket.resume();
      await promise;
    }
    return this.#chunks.shift();
  }

  async readAll(): Promise<string> {
    const parts: Buffer[] = [];
    for (let part = await this.next(); part; part = await this.next()) parts.push(part);
    return Buffer.concat(parts).toString("utf8");
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function readHead(
  reader: SocketReader,
  op: string,
): Promise<{ status: number; rest: Buffer }> {
  let head = Buffer.alloc(0);
  for (;;) {
    const at = head.indexOf("\r\n\r\n");
    if (at >= 0) {
      const status = Number(head.toString("latin1", 0, at).match(/^HTTP\/1\.[01] (\d{3})/)?.[1]);
      return { status, rest: head.subarray(at + 4) };
    }
    const chunk = await reader.next();
    if (!chunk || head.length > MAX_HEAD_BYTES) throw errorFromReply(0, "no HTTP answer", op);
    head = Buffer.concat([head, chunk]);
  }
}

async function* output(reader: SocketReader, tty: boolean): AsyncIterable<OutputChunk> {
  const decoder = new FrameDecoder();
  try {
    for (let bytes = await reader.next(); bytes; bytes = await reader.next()) {
      if (tty) yield { stream: 1, data: bytes };
      else yield* decoder.push(bytes);
    }
  } finally {
    reader.close();
  }
}

function input(socket: Socket): InputSink {
  return {
    write: (data) =>
      new Promise((resolve, reject) => {
        socket.write(data, (error) => (error ? reject(error) : resolve()));
      }),
    end: () =>
      new Promise((resolve) => {
        socket.end(() => resolve());
      }),
  };
}
