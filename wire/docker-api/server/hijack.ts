import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { AttachedStreams, InputSink, OutputChunk } from "../engine.ts";
import { encodeFrame } from "../stdcopy.ts";
import { drained, type Exchange } from "./exchange.ts";
import { headText } from "./reply_head.ts";

/** Input that may wait for a process that does not read. */
const MAX_WAITING_BYTES = 1024 * 1024;

type Output = Duplex | ServerResponse;
type Input = Duplex | IncomingMessage;

/**
 * Turns the connection into the process's streams, in either form of the API: `101 UPGRADED` for
 * clients that asked for it, or `200` with the raw stream as its body. Returns the two ends.
 */
export function hijack(exchange: Exchange, type: string): { out: Output; input: Input } {
  exchange.replied = true;
  const { socket, response } = exchange;
  if (socket) {
    socket.write(
      headText(101, {
        "Content-Type": type,
        Connection: "Upgrade",
        Upgrade: "tcp",
        ...exchange.common,
      }),
    );
    if (exchange.socketHead?.length) socket.unshift(exchange.socketHead);
    return { out: socket, input: socket };
  }
  response!.writeHead(200, { ...exchange.common, "Content-Type": type });
  response!.flushHeaders();
  return { out: response!, input: exchange.request };
}

/**
 * Carries a process's streams over a hijacked connection until its output ends or the client goes
 * away. Output waits for a slow client, input for a slow process.
 */
export async function carryStreams(
  ends: { out: Output; input: Input },
  streams: AttachedStreams,
): Promise<void> {
  const { out, input } = ends;
  const iterator = streams.output[Symbol.asyncIterator]();
  const gone = () => void iterator.return?.();
  out.once("close", gone);
  out.on("error", gone);
  // Closed while the streams were being made: that event will not come again.
  if (out.destroyed) gone();
  if (streams.input) carryInput(input, streams.input);
  else input.resume();
  try {
    for (;;) {
      const { done, value } = await iterator.next();
      if (done || out.destroyed) break;
      if (!out.write(encode(value, streams.tty))) await drained(out);
    }
  } finally {
    out.off("close", gone);
    await iterator.return?.();
    out.end();
  }
}

function encode(chunk: OutputChunk, tty: boolean): Uint8Array {
  return tty ? chunk.data : encodeFrame(chunk);
}

/**
 * Passes the client's bytes on in order; its half-close becomes the end of input. Reading pauses
 * only when the process is far behind: a paused connection under Bun may lose the half-close.
 */
function carryInput(input: Input, sink: InputSink): void {
  let queue = Promise.resolve();
  let waitingBytes = 0;
  let ended = false;
  const finish = () => {
    if (ended) return;
    ended = true;
    // A process that closed its input already has all that it wants of it.
    queue = queue.then(() => sink.end()).catch(() => undefined);
  };
  input.on("data", (data: Uint8Array) => {
    waitingBytes += data.length;
    if (waitingBytes > MAX_WAITING_BYTES) input.pause();
    queue = queue
      .then(() => sink.write(data))
      .catch(() => undefined)
      .then(() => {
        waitingBytes -= data.length;
        if (input.isPaused() && waitingBytes <= MAX_WAITING_BYTES) input.resume();
      });
  });
  input.once("end", finish);
  input.once("close", finish);
  input.on("error", finish);
}
