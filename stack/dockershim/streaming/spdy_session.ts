import { ByteQueue } from "./byte_queue.ts";
import type { Connection } from "./connection.ts";
import {
  CONTROL,
  controlFrame,
  dataFrame,
  FLAG_FIN,
  FrameReader,
  type SpdyFrame,
} from "./spdy_frames.ts";
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from "./spdy_headers.ts";

const MAX_STREAMS = 1024;
const PIECE_BYTES = 32 * 1024;
const REFUSED_STREAM = 3;
const GOAWAY_OK = 0;
const STREAM_MASK = 0x7fffffff;
/** Of a SYN_STREAM's body before its header block: stream, associated stream, priority, slot. */
const SYN_STREAM_BYTES = 10;

/** A stream that the client opened. */
export class SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** What the client sends, to its end. */
  readonly input = new ByteQueue();
  readonly #connection: Connection;
  #ended = false;

  constructor(connection: Connection, id: number, headers: SpdyHeaders) {
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length && !this.#ended; at += PIECE_BYTES) {
      const piece = data.subarray(at, at + PIECE_BYTES);
      await this.#connection.write(dataFrame(this.id, piece, false));
    }
  }

  /** Nothing follows from us. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#connection.write(dataFrame(this.id, new Uint8Array(0), true));
  }
}

/**
 * The server's side of a SPDY/3.1 connection. Windows are not kept: the clients of container
 * streams do not keep them either; TCP holds back who is too quick.
 */
export class SpdySession {
  readonly #connection: Connection;
  readonly #frames = new FrameReader();
  readonly #decoder = new HeaderDecoder();
  readonly #encoder = new HeaderEncoder();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #opened: (stream: SpdyStream) => void;

  /** `opened` gets each new stream, already accepted. */
  constructor(connection: Connection, opened: (stream: SpdyStream) => void) {
    this.#connection = connection;
    this.#opened = opened;
  }

  /** Reads until the client is gone or sends what is no SPDY. */
  async run(): Promise<void> {
    try {
      for (
        let bytes = await this.#connection.read();
        bytes;
        bytes = await this.#connection.read()
      ) {
        for (const frame of this.#frames.push(bytes)) await this.#take(frame);
      }
    } finally {
      for (const { input } of this.#streams.values()) input.end();
    }
  }

  /** Tells the client that no more comes, and closes. */
  async close(): Promise<void> {
    const last = Math.max(0, ...this.#streams.keys());
    await this.#connection.write(controlFrame(CONTROL.GOAWAY, [last, GOAWAY_OK]));
    this.#connection.end();
  }

  /** Forgets a stream that both sides have ended. */
  forget(stream: SpdyStream): void {
    this.#streams.delete(stream.id);
  }

  async #take(frame: SpdyFrame): Promise<void> {
    if (frame.kind === "data") {
      const stream = this.#streams.get(frame.stream);
      await stream?.input.push(frame.body);
      if (frame.flags & FLAG_FIN) stream?.input.end();
      return;
    }
    const { type, flags, body } = frame;
    if (type === CONTROL.SYN_STREAM) await this.#open(flags, body);
    else if (type === CONTROL.RST_STREAM) this.#streams.get(idOf(body))?.input.end();
    else if (type === CONTROL.PING) await this.#pong(body);
    // Each header block changes how the next is read, whatever it is about.
    else if (type === CONTROL.HEADERS) this.#decoder.decode(body.subarray(4));
  }

  async #open(flags: number, body: Buffer): Promise<void> {
    const id = idOf(body);
    const headers = this.#decoder.decode(body.subarray(SYN_STREAM_BYTES));
    if (this.#streams.size >= MAX_STREAMS || this.#streams.has(id)) {
      await this.#connection.write(controlFrame(CONTROL.RST_STREAM, [id, REFUSED_STREAM]));
      return;
    }
    const stream = new SpdyStream(this.#connection, id, headers);
    this.#streams.set(id, stream);
    if (flags & FLAG_FIN) stream.input.end();
    const block = this.#encoder.encode(new Map());
    await this.#connection.write(controlFrame(CONTROL.SYN_REPLY, [id], block));
    this.#opened(stream);
  }

  async #pong(body: Buffer): Promise<void> {
    const id = body.readUInt32BE(0);
    // Even numbers are those of a server's own pings, of which there are none.
    if (id % 2 === 1) await this.#connection.write(controlFrame(CONTROL.PING, [id]));
  }
}

const idOf = (body: Buffer): number => body.readUInt32BE(0) & STREAM_MASK;
