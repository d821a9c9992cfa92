import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { SPDY_DICTIONARY } from "./spdy_dictionary.ts";

/** How far back a compressed block may refer: deflate's window. */
const WINDOW_BYTES = 32 * 1024;
/** Beyond what any client of a container's streams sends. */
const MAX_BLOCK_BYTES = 64 * 1024;
const MAX_HEADERS = 100;
/** zlib's header with "preset dictionary", which the dictionary's checksum follows. */
const ZLIB_HEAD = Buffer.from([0x78, 0x20]);
const PRESET_DICTIONARY = 0x20;
const CHECKSUM_BYTES = 4;

/** Headers of a stream by their names, which are in lower case. */
export type SpdyHeaders = Map<string, string>;

/**
 * Header blocks of one direction of a connection. All of them are one zlib stream; each ends on a
 * byte, so that it can be read by itself when what came before is at hand.
 */
export class HeaderDecoder {
  #history: Buffer = SPDY_DICTIONARY;
  #begun = false;

  /** Throws on a block that is none, or too long. */
  decode(block: Buffer): SpdyHeaders {
    const dictionary = this.#history;
    const text = inflateRawSync(this.#withoutHead(block), {
      dictionary,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: MAX_BLOCK_BYTES,
    });
    this.#history = Buffer.concat([this.#history, text]).subarray(-WINDOW_BYTES);
    return parseBlock(text);
  }

  #withoutHead(block: Buffer): Buffer {
    if (this.#begun) return block;
    this.#begun = true;
    const preset = ((block[1] ?? 0) & PRESET_DICTIONARY) !== 0;
    if (!preset) this.#history = Buffer.alloc(0);
    return block.subarray(ZLIB_HEAD.length + (preset ? CHECKSUM_BYTES : 0));
  }
}

/** The same for what we send: each block is complete without those before it. */
export class HeaderEncoder {
  #begun = false;

  encode(headers: SpdyHeaders): Buffer {
    const body = deflateRawSync(formatBlock(headers), { finishFlush: constants.Z_SYNC_FLUSH });
    if (this.#begun) return body;
    this.#begun = true;
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    checksum.writeUInt32BE(adler32(SPDY_DICTIONARY));
    return Buffer.concat([ZLIB_HEAD, checksum, body]);
  }
}

/** A count, then names and values, each after its length; all numbers have 32 bits. */
function parseBlock(block: Buffer): SpdyHeaders {
  const headers: SpdyHeaders = new Map();
  let at = 4;
  const take = (): string => {
    const length = block.readUInt32BE(at);
    if (length > block.length - at - 4) throw new RangeError("a header is longer than its block");
    const text = block.toString("latin1", at + 4, at + 4 + length);
    at += 4 + length;
    return text;
  };
  const count = block.readUInt32BE(0);
  if (count > MAX_HEADERS) throw new RangeError(`${count} headers in one block`);
  for (let i = 0; i < count; i++) headers.set(take().toLowerCase(), take());
  return headers;
}

function formatBlock(headers: SpdyHeaders): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const pieces = [number(headers.size)];
  for (const text of [...headers].flat()) {
    pieces.push(number(Buffer.byteLength(text)), Buffer.from(text));
  }
  return Buffer.concat(pieces);
}

const ADLER_MODULUS = 65_521;

function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % ADLER_MODULUS;
    b = (b + a) % ADLER_MODULUS;
  }
  return b * 65_536 + a;
}
