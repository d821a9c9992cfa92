import { FLAG, FRAME, Http2Error, PREFACE, REASON, readU32, u32s } from "./frame_layout.ts";
import { type Frame, FrameReader, unpadded } from "./frame_reader.ts";
import { HeaderDecoder } from "./header_decoder.ts";
import type { Http2Session } from "./http2_session.ts";

/** One block of fields, in however many frames. */
const MAX_BLOCK_BYTES = 64 * 1024;
const PRIORITY_BYTES = 5;
const PING_BYTES = 8;
const MIN_GOAWAY_BYTES = 8;

/** A block of fields whose end has not come. */
interface OpenBlock {
  stream: number;
  ended: boolean;
  parts: Uint8Array[];
  bytes: number;
}

/** Reads what a peer sends, and tells its session, frame by frame (RFC 9113, section 6). */
export class FrameIntake {
  readonly #session: Http2Session;
  readonly #reader = new FrameReader();
  readonly #decoder = new HeaderDecoder();
  #preface: Uint8Array;
  /** The first frame has to tell the settings. */
  #settled = false;
  #open: OpenBlock | undefined;
  /** By kind of frame; kinds that are not known are passed over. */
  readonly #handlers: Record<number, (frame: Frame) => void> = {
    [FRAME.DATA]: (frame) => this.#data(frame),
    [FRAME.HEADERS]: (frame) => this.#headers(frame),
    [FRAME.PRIORITY]: (frame) => this.#priority(frame),
    [FRAME.RST_STREAM]: (frame) => this.#reset(frame),
    [FRAME.SETTINGS]: (frame) => this.#ofConnection(frame),
    [FRAME.PUSH_PROMISE]: () => {
      throw new Http2Error(REASON.PROTOCOL_ERROR, "a push that nobody allowed");
    },
    [FRAME.PING]: (frame) => this.#ofConnection(frame),
    [FRAME.GOAWAY]: (frame) => this.#ofConnection(frame),
    [FRAME.WINDOW_UPDATE]: (frame) => this.#windowUpdate(frame),
    [FRAME.CONTINUATION]: (frame) => this.#continuation(frame),
  };

  /** A server's peer begins with the preface. */
  constructor(session: Http2Session, preface: boolean) {
    this.#session = session;
    this.#preface = preface ? PREFACE : new Uint8Array(0);
  }

  /** Takes the next bytes. Throws Http2Error for what ends the connection. */
  push(bytes: Uint8Array): void {
    const rest = this.#afterPreface(bytes);
    this.#reader.push(rest, (frame) => {
      try {
        this.#take(frame);
      } catch (error) {
        if (!(error instanceof Http2Error) || error.stream === undefined) throw error;
        this.#session.send(FRAME.RST_STREAM, 0, error.stream, u32s(error.reason));
        this.#session.wasReset(error.stream, error.reason);
      }
    });
  }

  #afterPreface(bytes: Uint8Array): Uint8Array {
    const { length } = this.#preface;
    if (length === 0) return bytes;
    const part = Buffer.from(bytes.subarray(0, length));
    if (!part.equals(this.#preface.subarray(0, part.length))) {
      throw new Http2Error(REASON.PROTOCOL_ERROR, "this is no HTTP/2");
    }
    this.#preface = this.#preface.subarray(part.length);
    return bytes.subarray(part.length);
  }

  #take(frame: Frame): void {
    const { type, flags, stream } = frame;
    if (!this.#settled && (type !== FRAME.SETTINGS || flags & FLAG.ACK)) {
      throw new Http2Error(REASON.PROTOCOL_ERROR, "settings have to come first");
    }
    if (this.#open && (type !== FRAME.CONTINUATION || stream !== this.#open.stream)) {
      throw new Http2Error(REASON.PROTOCOL_ERROR, "a frame amid a block of fields");
    }
    const handler = this.#handlers[type];
    if (handler) handler(frame);
  }

  #reset({ stream, payload }: Frame): void {
    checkLength(payload, 4);
    this.#checkKnown(stream);
    this.#session.wasReset(stream, readU32(payload, 0));
  }

  /** Frames that concern no stream. */
  #ofConnection({ type, flags, stream, payload }: Frame): void {
    if (stream !== 0) throw new Http2Error(REASON.PROTOCOL_ERROR, "a stream where none belongs");
    if (type === FRAME.SETTINGS) {
      this.#settled = true;
      if (flags & FLAG.ACK) checkLength(payload, 0);
      else this.#session.settle(payload);
    } else if (type === FRAME.PING) {
      checkLength(payload, PING_BYTES);
      if ((flags & FLAG.ACK) === 0) this.#session.send(FRAME.PING, FLAG.ACK, 0, payload);
    } else {
      if (payload.length < MIN_GOAWAY_BYTES) checkLength(payload, MIN_GOAWAY_BYTES);
      this.#session.left(readU32(payload, 0) % 2 ** 31);
    }
  }

  #data({ flags, stream: id, payload }: Frame): void {
    this.#checkKnown(id);
    this.#session.received(payload.length);
    const stream = this.#session.streams.get(id);
    if (!stream || stream.remoteEnded)
      throw new Http2Error(REASON.STREAM_CLOSED, "data after the end", id);
    stream.received(payload.length);
    const bytes = flags & FLAG.PADDED ? unpadded(payload) : payload;
    if (bytes.length < payload.length) stream.taken(payload.length - bytes.length);
    const ended = (flags & FLAG.END_STREAM) !== 0;
    stream.remoteEnded = ended;
    stream.receiver.data(bytes, ended);
    if (ended) stream.remoteIsDone();
  }

  #headers({ flags, stream, payload }: Frame): void {
    if (stream === 0) throw new Http2Error(REASON.PROTOCOL_ERROR, "fields of no stream");
    let block = flags & FLAG.PADDED ? unpadded(payload) : payload;
    if (flags & FLAG.PRIORITY) {
      if (block.length < PRIORITY_BYTES) checkLength(block, PRIORITY_BYTES);
      checkDependency(stream, block);
      block = block.subarray(PRIORITY_BYTES);
    }
    const ended = (flags & FLAG.END_STREAM) !== 0;
    if (flags & FLAG.END_HEADERS) this.#fields(stream, block, ended);
    else this.#open = { stream, ended, parts: [block], bytes: block.length };
  }

  #continuation({ flags, payload }: Frame): void {
    const open = this.#open;
    if (!open) throw new Http2Error(REASON.PROTOCOL_ERROR, "a continuation of nothing");
    open.parts.push(payload);
    open.bytes += payload.length;
    // Empty parts count, too: a peer may not keep us busy with them.
    if (open.bytes > MAX_BLOCK_BYTES || open.parts.length > MAX_BLOCK_BYTES / 64) {
      throw new Http2Error(REASON.ENHANCE_YOUR_CALM, "header fields are too long");
    }
    if ((flags & FLAG.END_HEADERS) === 0) return;
    this.#open = undefined;
    this.#fields(open.stream, Buffer.concat(open.parts), open.ended);
  }

  /** A whole block. It is decoded whoever it is for: later blocks build on it. */
  #fields(id: number, block: Uint8Array, ended: boolean): void {
    const fields = this.#decoder.decode(block);
    const stream = this.#session.streams.get(id);
    if (!stream) {
      // Answers to a call that was left are on their way still; no client asks on an old stream.
      if (this.#session.knows(id) && !this.#session.answers) return;
      if (this.#session.knows(id)) throw new Http2Error(REASON.STREAM_CLOSED, `stream ${id}`);
      this.#session.opened(id, fields, ended);
      return;
    }
    if (stream.remoteEnded) throw new Http2Error(REASON.STREAM_CLOSED, "fields after the end", id);
    if (!ended && this.#session.answers) {
      throw new Http2Error(REASON.PROTOCOL_ERROR, "fields amid a body", id);
    }
    stream.remoteEnded = ended;
    stream.receiver.fields(fields, ended);
    if (ended) stream.remoteIsDone();
  }

  #priority({ stream, payload }: Frame): void {
    if (stream === 0) throw new Http2Error(REASON.PROTOCOL_ERROR, "a priority of no stream");
    if (payload.length !== PRIORITY_BYTES) {
      throw new Http2Error(REASON.FRAME_SIZE_ERROR, "a priority of a wrong length", stream);
    }
    checkDependency(stream, payload);
  }

  #windowUpdate({ stream: id, payload }: Frame): void {
    checkLength(payload, 4);
    const bytes = readU32(payload, 0) % 2 ** 31;
    if (id === 0) {
      if (bytes === 0) throw new Http2Error(REASON.PROTOCOL_ERROR, "a window wider by nothing");
      this.#session.widen(bytes);
      return;
    }
    this.#checkKnown(id);
    if (bytes === 0) throw new Http2Error(REASON.PROTOCOL_ERROR, "a window wider by nothing", id);
    this.#session.streams.get(id)?.widen(bytes);
  }

  #checkKnown(id: number): void {
    if (this.#session.knows(id)) return;
    throw new Http2Error(REASON.PROTOCOL_ERROR, `a frame of stream ${id}, which nobody opened`);
  }
}

function checkLength(payload: Uint8Array, wanted: number): void {
  if (payload.length === wanted) return;
  throw new Http2Error(REASON.FRAME_SIZE_ERROR, `${payload.length} bytes instead of ${wanted}`);
}

function checkDependency(stream: number, priority: Uint8Array): void {
  if (readU32(priority, 0) % 2 ** 31 !== stream) return;
  throw new Http2Error(REASON.PROTOCOL_ERROR, "a stream that depends on itself", stream);
}
