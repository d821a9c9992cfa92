import type { SocketWriter } from "../socket_writer.ts";
import { FrameIntake } from "./frame_intake.ts";
import {
  DEFAULT_WINDOW_BYTES,
  encodeFrame,
  FLAG,
  FRAME,
  HEAD_BYTES,
  Http2Error,
  MAX_WINDOW_BYTES,
  PREFACE,
  REASON,
  u32s,
  writeHead,
} from "./frame_layout.ts";
import type { Field } from "./hpack_tables.ts";
import { Http2Stream, STREAM_WINDOW_BYTES, type StreamReceiver } from "./http2_stream.ts";
import { ownSettings, PeerSettings } from "./peer_settings.ts";

/** What all streams of a connection may send together before it is taken. */
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Streams at a time that a peer may open; each waiting container holds one. */
const MAX_STREAMS = 8192;
/** With so much in the socket's queue, bodies wait in their streams. */
const MAX_WRITING_BYTES = 1024 * 1024;
const LAST_STREAM = 2 ** 31 - 1;

/** Why a stream is lost whose connection is gone; no code that a peer could send. */
export const CONNECTION_LOST = -1;

/** Takes a stream that the peer opens with these fields; says who gets what follows. */
export type AcceptStream = (
  stream: Http2Stream,
  fields: Field[],
  ended: boolean,
) => StreamReceiver | undefined;

export interface SessionOptions {
  writer: SocketWriter;
  /** Hangs up, once what was written is out. */
  hangUp: () => void;
  /** A server's; without it this is the client, who opens the streams. */
  accept?: AcceptStream;
}

/**
 * One connection of HTTP/2 without TLS (RFC 9113), of a server or a client, over any byte stream.
 * It pushes nothing, and ignores priorities.
 */
export class Http2Session {
  /** A server's session: who has answered in full needs no more of the question. */
  readonly answers: boolean;
  readonly peer = new PeerSettings();
  readonly streams = new Map<number, Http2Stream>();
  readonly #writer: SocketWriter;
  readonly #hangUp: () => void;
  readonly #accept: AcceptStream | undefined;
  readonly #intake: FrameIntake;
  /** Streams with something to send, for which there was no room. */
  readonly #held = new Set<Http2Stream>();
  /** The last stream that was opened, by whoever opens them. */
  #lastStream = -1;
  #out: Uint8Array[] = [];
  #corked = false;
  #sendWindow = DEFAULT_WINDOW_BYTES;
  #receiveWindow = SESSION_WINDOW_BYTES;
  #takenBytes = 0;
  /** No more streams are taken, or opened. */
  #leaving = false;
  #over = false;

  constructor({ writer, hangUp, accept }: SessionOptions) {
    this.#writer = writer;
    this.#hangUp = hangUp;
    this.#accept = accept;
    this.answers = accept !== undefined;
    this.#intake = new FrameIntake(this, this.answers);
    if (!accept) this.#out.push(PREFACE);
    if (accept) this.#lastStream = 0;
    const settings = ownSettings(accept ? MAX_STREAMS : undefined, STREAM_WINDOW_BYTES);
    this.send(FRAME.SETTINGS, 0, 0, settings);
    this.send(FRAME.WINDOW_UPDATE, 0, 0, u32s(SESSION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  /** No more calls can be made on it. */
  get leaving(): boolean {
    return this.#leaving || this.#over || this.#lastStream >= LAST_STREAM;
  }

  /** How much of a body may be sent now, in one frame. */
  get room(): number {
    if (this.#writer.waitingBytes > MAX_WRITING_BYTES) return 0;
    return Math.min(this.#sendWindow, this.peer.frameBytes);
  }

  /** Takes bytes of the peer; a view of them may be kept. */
  receive(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#corked = true;
    try {
      this.#intake.push(bytes);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.#fail(error);
    } finally {
      this.#corked = false;
      this.flush();
    }
  }

  /** The socket has room again. */
  drain(): void {
    this.#writer.drain();
    this.#pumpHeld();
    this.flush();
  }

  /** The connection is gone: every stream is lost. */
  closed(): void {
    this.#over = true;
    for (const stream of [...this.streams.values()]) this.#lose(stream, CONNECTION_LOST);
  }

  /** Opens a stream with a block of fields; a client's. */
  open(block: Uint8Array, receiver: StreamReceiver): Http2Stream {
    this.#lastStream += 2;
    const stream = this.#newStream(this.#lastStream);
    stream.receiver = receiver;
    stream.sendHeaders(block, false);
    return stream;
  }

  /** Writes at once what `work` sends. */
  batch(work: () => void): void {
    const outer = this.#corked;
    this.#corked = true;
    try {
      work();
    } finally {
      this.#corked = outer;
      this.flush();
    }
  }

  /** Takes no more streams; hangs up when those under way are over. */
  leave(): void {
    if (this.#leaving || this.#over) return;
    this.#leaving = true;
    const last = this.answers ? this.#lastStream : 0;
    this.send(FRAME.GOAWAY, 0, 0, u32s(last, REASON.NO_ERROR));
    this.flush();
    if (this.streams.size === 0) this.#hangUp();
  }

  /** Queues a frame; `flush` writes it. */
  send(type: number, flags: number, stream: number, payload: Uint8Array): void {
    this.#out.push(encodeFrame(type, flags, stream, payload));
  }

  /** Queues a frame of a body. */
  sendPart(stream: number, part: Uint8Array, flags: number): void {
    const head = new Uint8Array(HEAD_BYTES);
    writeHead(head, 0, part.length, FRAME.DATA, flags, stream);
    this.#out.push(head, part);
    this.#sendWindow -= part.length;
  }

  /** Queues a block of fields, in as many frames as it needs. */
  sendBlock(stream: number, block: Uint8Array, end: boolean): void {
    const most = this.peer.frameBytes;
    for (let at = 0; at === 0 || at < block.length; at += most) {
      const type = at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION;
      const last = at + most >= block.length ? FLAG.END_HEADERS : 0;
      const flags = last | (end && at === 0 ? FLAG.END_STREAM : 0);
      this.send(type, flags, stream, block.subarray(at, at + most));
    }
  }

  /** Writes what is queued, at once, unless more is to come. */
  flush(): void {
    if (this.#corked || this.#out.length === 0) return;
    const out = this.#out;
    this.#out = [];
    if (!this.#over) this.#writer.write(out.length === 1 ? out[0]! : Buffer.concat(out));
  }

  /** Remembers a stream that has something to send when there is room. */
  hold(stream: Http2Stream): void {
    this.#held.add(stream);
  }

  forget(stream: Http2Stream): void {
    this.#held.delete(stream);
    this.streams.delete(stream.id);
    if (this.#leaving && this.streams.size === 0 && !this.#over) {
      this.flush();
      this.#hangUp();
    }
  }

  /** Counts bytes of bodies, whoever they were for. */
  received(bytes: number): void {
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow < 0) {
      throw new Http2Error(REASON.FLOW_CONTROL_ERROR, "more than the connection's window");
    }
    this.#takenBytes += bytes;
    if (this.#takenBytes < SESSION_WINDOW_BYTES / 2) return;
    this.send(FRAME.WINDOW_UPDATE, 0, 0, u32s(this.#takenBytes));
    this.#receiveWindow += this.#takenBytes;
    this.#takenBytes = 0;
  }

  /** The peer takes so many more bytes on all streams together. */
  widen(bytes: number): void {
    this.#sendWindow += bytes;
    if (this.#sendWindow > MAX_WINDOW_BYTES) {
      throw new Http2Error(REASON.FLOW_CONTROL_ERROR, "the connection's window is too large");
    }
    this.#pumpHeld();
  }

  /** Settings of the peer: windows of streams under way change by as much as the first window. */
  settle(payload: Uint8Array): void {
    const before = this.peer.windowBytes;
    this.peer.take(payload);
    this.send(FRAME.SETTINGS, FLAG.ACK, 0, new Uint8Array(0));
    const change = this.peer.windowBytes - before;
    if (change === 0) return;
    for (const stream of [...this.streams.values()]) stream.widen(change);
  }

  /** Whether a stream of this number was ever opened. */
  knows(id: number): boolean {
    return id % 2 === 1 && id <= this.#lastStream;
  }

  /** The peer's new stream. */
  opened(id: number, fields: Field[], ended: boolean): void {
    if (id % 2 === 0 || !this.#accept) {
      throw new Http2Error(REASON.PROTOCOL_ERROR, `stream ${id} is not for its opener to number`);
    }
    this.#lastStream = id;
    if (this.#leaving || this.streams.size >= MAX_STREAMS) {
      this.send(FRAME.RST_STREAM, 0, id, u32s(REASON.REFUSED_STREAM));
      return;
    }
    const stream = this.#newStream(id);
    stream.remoteEnded = ended;
    const receiver = this.#accept(stream, fields, ended);
    if (receiver) stream.receiver = receiver;
    else if (!stream.over) throw new Http2Error(REASON.PROTOCOL_ERROR, "fields", id);
  }

  /** The peer leaves: streams above `last` were not looked at. */
  left(last: number): void {
    this.#leaving = true;
    if (this.answers) return;
    for (const stream of [...this.streams.values()]) {
      if (stream.id > last) this.#lose(stream, REASON.REFUSED_STREAM);
    }
  }

  /** Ends a stream, or the connection, for what its peer did. */
  #fail(error: Http2Error): void {
    if (this.#over) return;
    const last = this.answers ? this.#lastStream : 0;
    const reason = Buffer.from(error.message);
    this.send(FRAME.GOAWAY, 0, 0, Buffer.concat([u32s(last, error.reason), reason]));
    this.#corked = false;
    this.flush();
    this.closed();
    this.#hangUp();
  }

  /** A stream that was reset, by its peer or for what its peer did. */
  wasReset(id: number, reason: number): void {
    const stream = this.streams.get(id);
    if (stream) this.#lose(stream, reason);
  }

  #lose(stream: Http2Stream, reason: number): void {
    stream.close();
    stream.receiver?.lost(reason);
  }

  #newStream(id: number): Http2Stream {
    const stream = new Http2Stream(this, id, this.peer.windowBytes);
    this.streams.set(id, stream);
    return stream;
  }

  #pumpHeld(): void {
    for (const stream of [...this.#held]) {
      this.#held.delete(stream);
      stream.pump();
    }
  }
}
