/*
 * Go's gRPC clients that dial a socket by its path (crictl, kubelets up to 1.26) send that path as
 * :authority. It is none, and HTTP/2 servers refuse it. Here its slashes become dots on the way in,
 * in place: header blocks keep their lengths, so that compression goes on as the client meant it.
 */
const PREFACE_BYTES = 24;
const FRAME_HEAD_BYTES = 9;
const HEADERS = 1;
const CONTINUATION = 9;
const FLAG_PADDED = 0x08;
const FLAG_PRIORITY = 0x20;
const PRIORITY_BYTES = 5;
/** More than a client may send in one frame without being told so. */
const MAX_HEADER_FRAME_BYTES = 64 * 1024;
/** `:authority` in HPACK's static table. */
const AUTHORITY = 1;

/** Rewrites what a client sends; answers are not touched. */
export class AuthorityFilter {
  #pending: Buffer = Buffer.alloc(0);
  #prefaceLeft = PREFACE_BYTES;
  /** Bytes of the current frame that are passed on as they are. */
  #bodyLeft = 0;

  /** Takes bytes as they come, returns those that are ready. */
  push(bytes: Buffer): Buffer {
    let rest = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    const ready: Buffer[] = [];
    const pass = (count: number): void => {
      ready.push(rest.subarray(0, count));
      rest = rest.subarray(count);
    };
    while (rest.length > 0) {
      const whole = this.#prefaceLeft + this.#bodyLeft;
      if (whole > 0) {
        const count = Math.min(whole, rest.length);
        if (this.#prefaceLeft > 0) this.#prefaceLeft -= Math.min(count, this.#prefaceLeft);
        else this.#bodyLeft -= count;
        pass(count);
        continue;
      }
      if (rest.length < FRAME_HEAD_BYTES) break;
      const length = rest.readUIntBE(0, 3);
      const type = rest[3]!;
      const isHead = type === HEADERS || type === CONTINUATION;
      if (!isHead || length > MAX_HEADER_FRAME_BYTES) {
        this.#bodyLeft = length;
        pass(FRAME_HEAD_BYTES);
        continue;
      }
      if (rest.length < FRAME_HEAD_BYTES + length) break;
      // A continuation begins amid fields; an authority stands at the beginning of a request's.
      if (type === HEADERS) rewriteHeaders(rest.subarray(0, FRAME_HEAD_BYTES + length));
      pass(FRAME_HEAD_BYTES + length);
    }
    this.#pending = rest;
    return Buffer.concat(ready);
  }
}

function rewriteHeaders(frame: Buffer): void {
  const flags = frame[4]!;
  let at = FRAME_HEAD_BYTES;
  if (flags & FLAG_PADDED) at += 1;
  if (flags & FLAG_PRIORITY) at += PRIORITY_BYTES;
  while (at < frame.length) {
    const next = rewriteField(frame, at);
    if (next === undefined) return;
    at = next;
  }
}

/** Steps over one field of a header block. Undefined when it is cut off. */
function rewriteField(block: Buffer, start: number): number | undefined {
  const first = block[start]!;
  if (first & 0x80) return readNumber(block, start, 7)?.end;
  if ((first & 0xe0) === 0x20) return readNumber(block, start, 5)?.end;
  const name = readNumber(block, start, first & 0x40 ? 6 : 4);
  if (!name) return undefined;
  let at: number | undefined = name.end;
  if (name.value === 0) at = readString(block, at)?.end;
  const text = at === undefined ? undefined : readString(block, at);
  if (text && name.value === AUTHORITY) rewriteText(block, text);
  return text?.end;
}

interface Text {
  start: number;
  end: number;
  huffman: boolean;
}

function readString(block: Buffer, at: number): Text | undefined {
  const first = block[at];
  const length = first === undefined ? undefined : readNumber(block, at, 7);
  if (first === undefined || !length) return undefined;
  const end = length.end + length.value;
  return end > block.length ? undefined : { start: length.end, end, huffman: (first & 0x80) !== 0 };
}

/** A number of HPACK: `bits` of the first byte, then seven of each that follows. */
function readNumber(
  block: Buffer,
  start: number,
  bits: number,
): { value: number; end: number } | undefined {
  const full = 2 ** bits - 1;
  let value = block[start]! & full;
  if (value < full) return { value, end: start + 1 };
  let weight = 1;
  for (let at = start + 1; at < block.length && weight < 2 ** 28; at++) {
    const byte = block[at]!;
    value += (byte & 0x7f) * weight;
    weight *= 128;
    if ((byte & 0x80) === 0) return { value, end: at + 1 };
  }
  return undefined;
}

function rewriteText(block: Buffer, { start, end, huffman }: Text): void {
  if (huffman) rewriteHuffman(block, start * 8, end * 8);
  else for (let at = start; at < end; at++) if (block[at] === SLASH) block[at] = DOT;
}

const SLASH = 0x2f;
const DOT = 0x2e;
/** The same characters in HPACK's Huffman code: six bits both. */
const HUFFMAN_SLASH = 0x18;
const HUFFMAN_DOT = 0x17;
/** The code is canonical: its lengths, and the greatest code of each. */
const CODES = [
  [5, 0x09],
  [6, 0x2d],
  [7, 0x7b],
  [8, 0xfd],
  [10, 0x3fc],
  [11, 0x7fc],
  [12, 0xffb],
  [13, 0x1ffd],
  [14, 0x3ffd],
  [15, 0x7ffe],
] as const;

function rewriteHuffman(block: Buffer, start: number, end: number): void {
  let at = start;
  while (at < end) {
    const from = at;
    const code = CODES.find(
      ([bits, last]) => from + bits <= end && bitsOf(block, from, bits) <= last,
    );
    // Padding, or a character that is in no path.
    if (!code) return;
    const [bits] = code;
    if (bits === 6 && bitsOf(block, at, bits) === HUFFMAN_SLASH) {
      setBits(block, at, bits, HUFFMAN_DOT);
    }
    at += bits;
  }
}

function bitsOf(block: Buffer, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    value = value * 2 + ((block[i >> 3]! >> (7 - (i & 7))) & 1);
  }
  return value;
}

function setBits(block: Buffer, at: number, count: number, value: number): void {
  for (let i = 0; i < count; i++) {
    const mask = 1 << (7 - ((at + i) & 7));
    const byte = (at + i) >> 3;
    const bit = (value >> (count - 1 - i)) & 1;
    block[byte] = bit === 1 ? block[byte]! | mask : block[byte]! & ~mask;
  }
}
