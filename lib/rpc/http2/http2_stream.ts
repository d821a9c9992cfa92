import { FLAG, FRAME, Http2Error, MAX_WINDOW_BYTES, REASON, u32s } from "./frame_layout.ts";
import type { Field } from "./hpack_tables.ts";
import type { Http2Session } from "./http2_session.ts";

/** What we let a peer send on a stream before what came is taken. */
export const STREAM_WINDOW_BYTES = 1024 * 1024;
/** Above this a sender should wait. */
const WAITING_BYTES = 64 * 1024;

/** Who gets what a peer sends on a stream. */
export interface StreamReceiver {
  /** A block of fields after the stream's first: a client's answer, or trailers. */
  fields(fields: Field[], ended: boolean): void;
  /** Bytes of the body; a view that may be kept. `Http2Stream.taken` makes room for more. */
  data(bytes: Uint8Array, ended: boolean): void;
  /** The stream is over before its time: reset by its peer, or the connection is gone. */
  lost(reason: number): void;
}

/** What waits to be sent: a block of fields, or bytes. */
interface Outgoing {
  block: boolean;
  bytes: Uint8Array;
  end: boolean;
}

/** One stream of a connection: what is sent on it, and how much may be. */
export class Http2Stream {
  readonly id: number;
  receiver!: StreamReceiver;
  /** The peer has said all. */
  remoteEnded = false;
  readonly #session: Http2Session;
  #ended = false;
  #over = false;
  #queue: Outgoing[] = [];
  #waitingBytes = 0;
  #sendWindow: number;
  #receiveWindow = STREAM_WINDOW_BYTES;
  #takenBytes = 0;
  #drained: (() => void)[] = [];

  constructor(session: Http2Session, id: number, sendWindow: number) {
    this.#session = session;
    this.id = id;
    this.#sendWindow = sendWindow;
  }

  /** Nothing more is sent or received. */
  get over(): boolean {
    return this.#over;
  }

  /** Sends a block of fields; with `end` nothing follows. Ignored when the stream is over. */
  sendHeaders(block: Uint8Array, end: boolean): void {
    this.#send({ block: true, bytes: block, end });
  }

  /** Sends bytes as the peer has room for them. Ignored when the stream is over. */
  sendData(bytes: Uint8Array, end: boolean): void {
    this.#send({ block: false, bytes, end });
  }

  /** The same for a whole answer: fields, body and trailers, in one write where there is room. */
  answer(headers: Uint8Array, body: Uint8Array, trailers: Uint8Array): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    this.#queue.push(
      { block: true, bytes: headers, end: false },
      { block: false, bytes: body, end: false },
      { block: true, bytes: trailers, end: true },
    );
    this.#waitingBytes += body.length;
    this.pump();
    this.#session.flush();
  }

  /** Undefined while more may be sent; else resolves when it may, or the stream is over. */
  room(): Promise<void> | undefined {
    if (this.#over || this.#waitingBytes < WAITING_BYTES) return undefined;
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  /** Ends the stream at once, whatever waits to be sent. */
  reset(reason: number): void {
    if (this.#over) return;
    this.#session.send(FRAME.RST_STREAM, 0, this.id, u32s(reason));
    this.close();
    this.#session.flush();
  }

  /** Lets the peer send as many more bytes as were taken of what it sent. */
  taken(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.remoteEnded || this.#over || this.#takenBytes < STREAM_WINDOW_BYTES / 2) return;
    this.#session.send(FRAME.WINDOW_UPDATE, 0, this.id, u32s(this.#takenBytes));
    this.#receiveWindow += this.#takenBytes;
    this.#takenBytes = 0;
    this.#session.flush();
  }

  /** The peer has said all: the stream is over if we have, too. */
  remoteIsDone(): void {
    if (this.#ended && this.#queue.length === 0) this.close();
  }

  /** Counts what came; throws when it is more than was allowed. */
  received(bytes: number): void {
    this.#receiveWindow -= bytes;
    if (this.#receiveWindow >= 0) return;
    throw new Http2Error(REASON.FLOW_CONTROL_ERROR, "more than the window", this.id);
  }

  /** The peer allows so many more bytes, or fewer when it has shrunk its window. */
  widen(bytes: number): void {
    this.#sendWindow += bytes;
    if (this.#sendWindow > MAX_WINDOW_BYTES) {
      throw new Http2Error(REASON.FLOW_CONTROL_ERROR, "a window too large", this.id);
    }
    if (bytes > 0) this.pump();
  }

  /** Sends what waits, as far as stream, connection and socket have room. */
  pump(): void {
    while (!this.#over) {
      const next = this.#queue[0];
      if (!next) break;
      if (next.block) this.#session.sendBlock(this.id, next.bytes, next.end);
      else if (!this.#sendSome(next)) {
        this.#session.hold(this);
        break;
      }
      this.#queue.shift();
      if (next.end) this.#finish();
    }
    if (this.#waitingBytes < WAITING_BYTES) this.#wake();
  }

  /** Forgets what waits; who waits for room goes on. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    this.#waitingBytes = 0;
    this.#session.forget(this);
    this.#wake();
  }

  #send(outgoing: Outgoing): void {
    if (this.#over || this.#ended) return;
    this.#ended = outgoing.end;
    this.#queue.push(outgoing);
    if (!outgoing.block) this.#waitingBytes += outgoing.bytes.length;
    if (this.#queue.length === 1) {
      this.pump();
      this.#session.flush();
    }
  }

  /** Sends bytes as frames; true when all are sent. */
  #sendSome(outgoing: Outgoing): boolean {
    const { bytes, end } = outgoing;
    let at = 0;
    while (at < bytes.length || (end && bytes.length === 0)) {
      const room = Math.min(this.#session.room, this.#sendWindow, bytes.length - at);
      if (room <= 0 && bytes.length > 0) {
        outgoing.bytes = bytes.subarray(at);
        return false;
      }
      const part = bytes.subarray(at, at + room);
      at += room;
      const flags = end && at === bytes.length ? FLAG.END_STREAM : 0;
      this.#session.sendPart(this.id, part, flags);
      this.#sendWindow -= room;
      this.#waitingBytes -= room;
      if (bytes.length === 0) break;
    }
    return true;
  }

  #finish(): void {
    // Who has answered in full reads no more of the question.
    if (!this.remoteEnded && this.#session.answers) this.reset(REASON.NO_ERROR);
    else if (this.remoteEnded) this.close();
  }

  #wake(): void {
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
