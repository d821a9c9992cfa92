import { expect, test } from "bun:test";
import { SocketWriter } from "../socket_writer.ts";
import { encodeFrame, FLAG, FRAME, PREFACE, REASON, readU32, u32s } from "./frame_layout.ts";
import { type Frame, FrameReader } from "./frame_reader.ts";
import { encodeHeaders } from "./header_encoder.ts";
import { CONNECTION_LOST, Http2Session } from "./http2_session.ts";
import type { Http2Stream } from "./http2_stream.ts";

const NOTHING = new Uint8Array(0);
const SETTINGS = encodeFrame(FRAME.SETTINGS, 0, 0, NOTHING);
const REQUEST = encodeHeaders([
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/s/m"],
]);
const headers = (stream: number, flags: number = FLAG.END_HEADERS, block = REQUEST) =>
  encodeFrame(FRAME.HEADERS, flags, stream, block);
const data = (stream: number, bytes: number, flags = 0) =>
  encodeFrame(FRAME.DATA, flags, stream, new Uint8Array(bytes));
const windowUpdate = (stream: number, bytes: number) =>
  encodeFrame(FRAME.WINDOW_UPDATE, 0, stream, u32s(bytes));
const setting = (id: number, value: number) =>
  encodeFrame(FRAME.SETTINGS, 0, 0, Buffer.concat([new Uint8Array([0, id]), u32s(value)]));

/** A server's session whose peer is the test. */
class Peer {
  readonly sent: Frame[] = [];
  readonly streams: Http2Stream[] = [];
  readonly lost: number[] = [];
  received = 0;
  hungUp = false;
  readonly session: Http2Session;

  constructor() {
    const reader = new FrameReader();
    const socket = {
      write: (bytes: Uint8Array) => {
        reader.push(bytes, (frame) => void this.sent.push(frame));
        return bytes.length;
      },
      end: () => {},
    };
    this.session = new Http2Session({
      writer: new SocketWriter(socket),
      hangUp: () => {
        this.hungUp = true;
      },
      accept: (stream) => {
        this.streams.push(stream);
        return {
          fields: () => {},
          data: (bytes) => {
            this.received += bytes.length;
          },
          lost: (reason) => void this.lost.push(reason),
        };
      },
    });
    this.session.flush();
  }

  say(...frames: Uint8Array[]): this {
    for (const frame of frames) this.session.receive(frame);
    return this;
  }

  hello(): this {
    return this.say(PREFACE, SETTINGS);
  }

  /** What ended the connection, or the stream `id`. */
  ended(id = 0): number | undefined {
    const type = id === 0 ? FRAME.GOAWAY : FRAME.RST_STREAM;
    const frame = this.sent.find((sent) => sent.type === type && sent.stream === id);
    return frame && readU32(frame.payload, id === 0 ? 4 : 0);
  }

  bodyOf(id: number): number {
    const frames = this.sent.filter(({ type, stream }) => type === FRAME.DATA && stream === id);
    return frames.reduce((sum, { payload }) => sum + payload.length, 0);
  }
}

const CONNECTION: Record<string, [reason: number, ...frames: Uint8Array[]]> = {
  "no preface": [REASON.PROTOCOL_ERROR, Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
  "no settings": [REASON.PROTOCOL_ERROR, PREFACE, headers(1)],
};
const AFTER_HELLO: typeof CONNECTION = {
  "data of no stream": [REASON.PROTOCOL_ERROR, data(0, 1)],
  "data of a stream that is idle": [REASON.PROTOCOL_ERROR, data(1, 1)],
  "a reset of a stream that is idle": [
    REASON.PROTOCOL_ERROR,
    encodeFrame(FRAME.RST_STREAM, 0, 1, u32s(0)),
  ],
  "a reset of a wrong length": [
    REASON.FRAME_SIZE_ERROR,
    headers(1),
    encodeFrame(FRAME.RST_STREAM, 0, 1, new Uint8Array(3)),
  ],
  "a window of an idle stream": [REASON.PROTOCOL_ERROR, windowUpdate(1, 1)],
  "a window wider by nothing": [REASON.PROTOCOL_ERROR, windowUpdate(0, 0)],
  "a window too wide": [REASON.FLOW_CONTROL_ERROR, windowUpdate(0, 2 ** 31 - 1)],
  "an even stream": [REASON.PROTOCOL_ERROR, headers(2)],
  "fields of no stream": [REASON.PROTOCOL_ERROR, headers(0)],
  "a stream below the last": [REASON.STREAM_CLOSED, headers(5), headers(3)],
  "a frame amid fields": [REASON.PROTOCOL_ERROR, headers(1, 0), data(1, 1)],
  "another stream's fields amid fields": [REASON.PROTOCOL_ERROR, headers(1, 0), headers(3)],
  "a continuation of nothing": [
    REASON.PROTOCOL_ERROR,
    encodeFrame(FRAME.CONTINUATION, FLAG.END_HEADERS, 1, REQUEST),
  ],
  "endless continuations": [
    REASON.ENHANCE_YOUR_CALM,
    headers(1, 0),
    ...Array.from({ length: 1100 }, () => encodeFrame(FRAME.CONTINUATION, 0, 1, NOTHING)),
  ],
  "fields that are no HPACK": [
    REASON.COMPRESSION_ERROR,
    headers(1, FLAG.END_HEADERS, new Uint8Array([0x80])),
  ],
  "padding longer than its frame": [
    REASON.PROTOCOL_ERROR,
    headers(1),
    encodeFrame(FRAME.DATA, FLAG.PADDED, 1, new Uint8Array([9, 0])),
  ],
  "a push": [REASON.PROTOCOL_ERROR, encodeFrame(FRAME.PUSH_PROMISE, 0, 1, u32s(2))],
  "a frame too long": [REASON.FRAME_SIZE_ERROR, headers(1), data(1, 16_385)],
  "a ping of a wrong length": [
    REASON.FRAME_SIZE_ERROR,
    encodeFrame(FRAME.PING, 0, 0, new Uint8Array(7)),
  ],
  "a ping of a stream": [REASON.PROTOCOL_ERROR, encodeFrame(FRAME.PING, 0, 1, new Uint8Array(8))],
  "settings of a stream": [REASON.PROTOCOL_ERROR, encodeFrame(FRAME.SETTINGS, 0, 1, NOTHING)],
  "settings of a wrong length": [
    REASON.FRAME_SIZE_ERROR,
    encodeFrame(FRAME.SETTINGS, 0, 0, new Uint8Array(3)),
  ],
  "an acknowledgement that says something": [
    REASON.FRAME_SIZE_ERROR,
    encodeFrame(FRAME.SETTINGS, FLAG.ACK, 0, new Uint8Array(6)),
  ],
  "a push setting of two": [REASON.PROTOCOL_ERROR, setting(2, 2)],
  "a first window too wide": [REASON.FLOW_CONTROL_ERROR, setting(4, 2 ** 31)],
  "frames too small": [REASON.PROTOCOL_ERROR, setting(5, 16_383)],
};
const STREAM: typeof CONNECTION = {
  "data after the end": [
    REASON.STREAM_CLOSED,
    headers(1, FLAG.END_HEADERS | FLAG.END_STREAM),
    data(1, 1),
  ],
  "fields amid a body": [REASON.PROTOCOL_ERROR, headers(1), headers(1)],
  "a stream that depends on itself": [
    REASON.PROTOCOL_ERROR,
    headers(1),
    encodeFrame(FRAME.PRIORITY, 0, 1, new Uint8Array([0, 0, 0, 1, 16])),
  ],
  "a window wider by nothing": [REASON.PROTOCOL_ERROR, headers(1), windowUpdate(1, 0)],
  "a window too wide": [REASON.FLOW_CONTROL_ERROR, headers(1), windowUpdate(1, 2 ** 31 - 1)],
  "more data than its window": [
    REASON.FLOW_CONTROL_ERROR,
    headers(1),
    ...Array.from({ length: 65 }, () => data(1, 16_384)),
  ],
};

test("what the protocol forbids ends the connection, and says why", () => {
  const all = Object.entries({ ...CONNECTION, ...AFTER_HELLO });
  for (const [what, [reason, ...frames]] of all) {
    const peer = new Peer();
    if (!(what in CONNECTION)) peer.hello();
    peer.say(...frames);
    expect({ what, reason: peer.ended(), hungUp: peer.hungUp }).toEqual({
      what,
      reason,
      hungUp: true,
    });
    expect(peer.session.streams.size).toBe(0);
  }
});

test("what it forbids on a stream ends the stream alone", () => {
  for (const [what, [reason, ...frames]] of Object.entries(STREAM)) {
    const peer = new Peer().hello().say(...frames);
    expect({ what, reason: peer.ended(1) }).toEqual({ what, reason });
    peer.say(headers(3), data(3, 10));
    expect(peer.ended()).toBeUndefined();
    expect(peer.received).toBeGreaterThanOrEqual(10);
  }
});

test("pings and settings are answered, frames of unknown kinds passed over, byte by byte", () => {
  const ping = encodeFrame(FRAME.PING, 0, 0, Buffer.from("12345678"));
  const unknown = encodeFrame(0x42, 0xff, 7, new Uint8Array(20));
  const all = Buffer.concat([PREFACE, SETTINGS, unknown, ping]);
  const peer = new Peer().say(...[...all].map((byte) => new Uint8Array([byte])));
  const acknowledged = peer.sent.filter(({ flags }) => flags === FLAG.ACK);
  expect(acknowledged.map(({ type }) => type)).toEqual([FRAME.SETTINGS, FRAME.PING]);
  expect(Buffer.from(acknowledged[1]!.payload).toString()).toBe("12345678");
});

test("an answer waits for the windows of stream and connection, and goes on", async () => {
  const peer = new Peer().hello().say(headers(1, FLAG.END_HEADERS | FLAG.END_STREAM));
  const [stream] = peer.streams;
  stream!.answer(REQUEST, new Uint8Array(200_000), REQUEST);
  expect(peer.bodyOf(1)).toBe(65_535);
  let room = false;
  const waited = stream!.room()!.then(() => {
    room = true;
  });
  peer.say(windowUpdate(1, 100_000));
  expect(peer.bodyOf(1)).toBe(65_535);
  peer.say(windowUpdate(0, 1_000_000));
  expect(peer.bodyOf(1)).toBe(165_535);
  await waited;
  expect(room).toBe(true);
  // Settings widen windows of streams under way.
  peer.say(setting(4, 100_000));
  expect(peer.bodyOf(1)).toBe(200_000);
  expect(peer.sent.at(-1)).toMatchObject({ type: FRAME.HEADERS, stream: 1 });
  expect(stream!.over).toBe(true);
  expect(peer.session.streams.size).toBe(0);
});

test("fields longer than a frame go out in several", () => {
  const peer = new Peer().hello().say(headers(1));
  peer.streams[0]!.sendHeaders(new Uint8Array(40_000), true);
  const block = peer.sent.filter(({ stream }) => stream === 1).map(({ type }) => type);
  // Answered before it was asked in full: the rest of the question is not read.
  const { HEADERS, CONTINUATION, RST_STREAM } = FRAME;
  expect(block).toEqual([HEADERS, CONTINUATION, CONTINUATION, RST_STREAM]);
});

test("who is reset, or whose peer is gone, is told once", () => {
  const peer = new Peer().hello().say(headers(1), headers(3));
  peer.say(encodeFrame(FRAME.RST_STREAM, 0, 1, u32s(REASON.CANCEL)));
  peer.session.closed();
  peer.session.closed();
  expect(peer.lost).toEqual([REASON.CANCEL, CONNECTION_LOST]);
  peer.streams[0]!.sendData(new Uint8Array(9), true);
  expect(peer.bodyOf(1)).toBe(0);
});

test("who leaves takes no more streams, and hangs up after the last", () => {
  const peer = new Peer().hello().say(headers(1, FLAG.END_HEADERS | FLAG.END_STREAM));
  peer.session.leave();
  peer.say(headers(3));
  expect(peer.ended(3)).toBe(REASON.REFUSED_STREAM);
  expect(peer.hungUp).toBe(false);
  peer.streams[0]!.sendHeaders(REQUEST, true);
  expect(peer.hungUp).toBe(true);
});

test("bytes that are taken make room for more", () => {
  const peer = new Peer().hello().say(headers(1));
  for (let count = 0; count < 2000; count++) {
    peer.say(data(1, 16_384));
    peer.streams[0]!.taken(16_384);
  }
  expect(peer.received).toBe(2000 * 16_384);
  expect(peer.ended()).toBeUndefined();
});
