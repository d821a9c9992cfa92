import { DEFAULT_FRAME_BYTES, HEAD_BYTES, Http2Error, REASON, readU32 } from "./frame_layout.ts";

/** A frame as it came; `payload` is a view of what was pushed. */
export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Uint8Array;
}

/** Cuts a connection's bytes into frames. Holds at most one that is not complete. */
export class FrameReader {
  #pending: Uint8Array | undefined;

  /**
   * Takes the next bytes, calls `take` for each frame that they complete. Keeps views of `chunk`.
   * Throws Http2Error for a frame that is longer than we allow.
   */
  push(chunk: Uint8Array, take: (frame: Frame) => void): void {
    const bytes = this.#pending ? Buffer.concat([this.#pending, chunk]) : chunk;
    this.#pending = undefined;
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      if (length > DEFAULT_FRAME_BYTES) {
        throw new Http2Error(REASON.FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
      }
      const end = at + HEAD_BYTES + length;
      if (end > bytes.length) break;
      const payload = bytes.subarray(at + HEAD_BYTES, end);
      const stream = readU32(bytes, at + 5) % 2 ** 31;
      take({ type: bytes[at + 3]!, flags: bytes[at + 4]!, stream, payload });
      at = end;
    }
    if (at < bytes.length) this.#pending = bytes.subarray(at);
  }
}

/** The payload of a DATA or HEADERS frame without its padding. */
export function unpadded(payload: Uint8Array): Uint8Array {
  const padding = payload[0];
  if (padding === undefined || padding >= payload.length) {
    throw new Http2Error(REASON.PROTOCOL_ERROR, "padding longer than its frame");
  }
  return payload.subarray(1, payload.length - padding);
}
