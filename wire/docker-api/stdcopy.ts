import type { OutputChunk } from "./engine.ts";

/** Header of a frame: stream, three zero bytes, length as a big-endian 32-bit number. */
const HEADER_BYTES = 8;
/** Longest frame that a reader accepts; writers send far less. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

/** One stdcopy frame, header and data in one buffer so that it is one write. */
export function encodeFrame(chunk: OutputChunk): Uint8Array {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + chunk.data.length);
  frame.writeUInt32BE(chunk.stream << 24, 0);
  frame.writeUInt32BE(chunk.data.length, 4);
  frame.set(chunk.data, HEADER_BYTES);
  return frame;
}

/** Cuts a multiplexed stream back into chunks. Feed it pieces of any size. */
export class FrameDecoder {
  #pending: Buffer = Buffer.alloc(0);

  /** Takes bytes, returns the frames that are complete. Throws on a stream that is not stdcopy. */
  push(data: Uint8Array): OutputChunk[] {
    let buffer =
      this.#pending.length === 0 ? Buffer.from(data) : Buffer.concat([this.#pending, data]);
    const out: OutputChunk[] = [];
    while (buffer.length >= HEADER_BYTES) {
      const stream = buffer[0]!;
      const length = buffer.readUInt32BE(4);
      if (stream > 3 || buffer[1] !== 0 || buffer[2] !== 0 || buffer[3] !== 0) {
        throw new RangeError(`unrecognized input header: ${stream}`);
      }
      if (length > MAX_FRAME_BYTES) throw new RangeError(`stream frame of ${length} bytes`);
      if (buffer.length < HEADER_BYTES + length) break;
      const payload = buffer.subarray(HEADER_BYTES, HEADER_BYTES + length);
      out.push({ stream: stream === 2 || stream === 3 ? 2 : 1, data: payload });
      buffer = buffer.subarray(HEADER_BYTES + length);
    }
    this.#pending = buffer;
    return out;
  }
}
