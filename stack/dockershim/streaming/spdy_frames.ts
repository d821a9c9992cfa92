/*
 * Frames of SPDY/3.1:
 *   control  1 | version 15 | type 16 | flags 8 | length 24 | body
 *   data     0 | stream 31             | flags 8 | length 24 | bytes
 */
const HEAD_BYTES = 8;
const VERSION = 3;
/** Longest frame that is read. */
const MAX_FRAME_BYTES = 1024 * 1024;
export const FLAG_FIN = 1;

export const CONTROL = {
  SYN_STREAM: 1,
  SYN_REPLY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  HEADERS: 8,
  WINDOW_UPDATE: 9,
} as const;

export type SpdyFrame =
  | { kind: "control"; type: number; flags: number; body: Buffer }
  | { kind: "data"; stream: number; flags: number; body: Buffer };

/** Cuts what a connection brings into frames. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Takes bytes, returns the frames that are whole. Throws on what is no SPDY. */
  push(bytes: Buffer): SpdyFrame[] {
    let rest = Buffer.concat([this.#pending, bytes]);
    const frames: SpdyFrame[] = [];
    while (rest.length >= HEAD_BYTES) {
      const length = rest.readUInt32BE(4) & 0xffffff;
      if (length > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${length} bytes`);
      if (rest.length < HEAD_BYTES + length) break;
      frames.push(frameOf(rest, rest.subarray(HEAD_BYTES, HEAD_BYTES + length)));
      rest = rest.subarray(HEAD_BYTES + length);
    }
    this.#pending = rest;
    return frames;
  }
}

function frameOf(head: Buffer, body: Buffer): SpdyFrame {
  const flags = head[4]!;
  const first = head.readUInt32BE(0);
  if (first < 0x80000000) return { kind: "data", stream: first, flags, body };
  const version = (first >>> 16) & 0x7fff;
  if (version !== VERSION) throw new RangeError(`SPDY version ${version}`);
  return { kind: "control", type: first & 0xffff, flags, body };
}

/** A control frame. `fields` are 32-bit numbers before the rest of the body. */
export function controlFrame(type: number, fields: number[], rest: Uint8Array = EMPTY): Buffer {
  const head = Buffer.alloc(HEAD_BYTES + fields.length * 4);
  head.writeUInt32BE(0x80000000 + VERSION * 65_536 + type, 0);
  head.writeUInt32BE(fields.length * 4 + rest.length, 4);
  for (const [index, field] of fields.entries()) head.writeUInt32BE(field, HEAD_BYTES + index * 4);
  return Buffer.concat([head, rest]);
}

const EMPTY = new Uint8Array(0);

/** A data frame; `fin` says that nothing follows on this stream. */
export function dataFrame(stream: number, data: Uint8Array, fin: boolean): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(stream, 0);
  head.writeUInt32BE((fin ? FLAG_FIN : 0) * 0x1000000 + data.length, 4);
  return Buffer.concat([head, data]);
}
