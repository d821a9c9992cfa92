/*
 * A frame of HTTP/2 (RFC 9113, section 4.1): length of the payload (u24), type (u8), flags (u8),
 * stream (u32, of which the first bit means nothing), all big-endian, then the payload.
 *
 *     0      3    4     5        9
 *     | length |type|flags| stream | payload …
 */
export const HEAD_BYTES = 9;

/** What a client sends before its first frame. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const FLAG = {
  END_STREAM: 0x01,
  /** Of SETTINGS and PING. */
  ACK: 0x01,
  END_HEADERS: 0x04,
  PADDED: 0x08,
  PRIORITY: 0x20,
} as const;

/** Why a stream or a connection ends (section 7). */
export const REASON = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;

/** Longest payload that an endpoint takes unless it has said otherwise; ours never does. */
export const DEFAULT_FRAME_BYTES = 16_384;
/** What may be sent on a stream or a connection before the peer has said how much. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 2 ** 31 - 1;

/** What a peer did that the protocol forbids. It ends its stream, or without one the connection. */
export class Http2Error extends Error {
  readonly reason: number;
  readonly stream: number | undefined;

  constructor(reason: number, message: string, stream?: number) {
    super(message);
    this.reason = reason;
    this.stream = stream;
  }
}

/** A whole frame. */
export function encodeFrame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + payload.length);
  writeHead(bytes, 0, payload.length, type, flags, stream);
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}

/** Writes a frame's head at `at`. */
export function writeHead(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  writeU32(bytes, at + 5, stream);
}

/** The u32 at `at`. */
export function readU32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return bytes[at]! * 2 ** 24 + low;
}

/** `numbers` as u32, one after the other. */
export function u32s(...numbers: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  for (const [index, number] of numbers.entries()) writeU32(bytes, 4 * index, number);
  return bytes;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
