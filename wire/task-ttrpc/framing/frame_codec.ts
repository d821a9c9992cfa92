/**
 * A ttrpc frame: length (u32), stream (u32), type (u8), flags (u8), all big-endian, then the data.
 *
 *     0        4        8    9    10
 *     | length | stream |type|flags| data …
 */
export const HEADER_BYTES = 10;
/** Longest data that containerd's own ttrpc sends or takes. */
export const MAX_DATA_BYTES = 4 * 1024 * 1024;

export const FRAME = { REQUEST: 1, RESPONSE: 2, DATA: 3 } as const;

export interface Frame {
  stream: number;
  type: number;
  flags: number;
  data: Uint8Array;
}

/** Encodes one frame. Throws RangeError when the data is longer than a peer would take. */
export function encodeFrame(frame: Frame): Uint8Array {
  const { data } = frame;
  if (data.length > MAX_DATA_BYTES) {
    throw new RangeError(
      `message length ${data.length} exceeds maximum message size of ${MAX_DATA_BYTES}`,
    );
  }
  const bytes = new Uint8Array(HEADER_BYTES + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  view.setUint32(4, frame.stream);
  view.setUint8(8, frame.type);
  view.setUint8(9, frame.flags);
  bytes.set(data, HEADER_BYTES);
  return bytes;
}

/**
 * Cuts a byte stream into frames. Holds at most one incomplete frame; a frame longer than allowed
 * is reported with `oversized` set and its data skipped, as containerd's server does.
 */
export class FrameReader {
  #pending: Uint8Array;
  #skip = 0;

  /** `pending` is the beginning of a frame that another reader took from the same stream. */
  constructor(pending: Uint8Array = new Uint8Array(0)) {
    this.#pending = pending;
  }

  /** The beginning of a frame whose end has not come. */
  get pending(): Uint8Array {
    return this.#pending;
  }

  /** Takes the next bytes of the stream, calls `take` for each frame that they complete. */
  push(chunk: Uint8Array, take: (frame: Frame, oversized: boolean) => void): void {
    let rest = this.#skipped(chunk);
    if (this.#pending.length > 0) {
      rest = joined(this.#pending, rest);
      this.#pending = new Uint8Array(0);
    }
    while (rest.length >= HEADER_BYTES) {
      const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
      const length = view.getUint32(0);
      const head = { stream: view.getUint32(4), type: view.getUint8(8), flags: view.getUint8(9) };
      if (length > MAX_DATA_BYTES) {
        take({ ...head, data: new Uint8Array(0) }, true);
        this.#skip = length;
        rest = this.#skipped(rest.subarray(HEADER_BYTES));
        continue;
      }
      if (rest.length < HEADER_BYTES + length) break;
      take({ ...head, data: copied(rest.subarray(HEADER_BYTES, HEADER_BYTES + length)) }, false);
      rest = rest.subarray(HEADER_BYTES + length);
    }
    // Copied, because the caller's buffer is reused after this call.
    if (rest.length > 0) this.#pending = copied(rest);
  }

  #skipped(chunk: Uint8Array): Uint8Array {
    const dropped = Math.min(this.#skip, chunk.length);
    this.#skip -= dropped;
    return chunk.subarray(dropped);
  }
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const out = new Uint8Array(left.length + right.length);
  out.set(left);
  out.set(right, left.length);
  return out;
}

/** A copy: a Buffer's own `slice` would be a view of the caller's memory. */
function copied(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
