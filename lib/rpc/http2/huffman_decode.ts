import { HUFFMAN_BITS } from "./hpack_tables.ts";

const MAX_BITS = 30;
const END = 256;
/** By length: the first code, and where its byte stands among all, ordered by their codes. */
const FIRST_CODE = new Uint32Array(MAX_BITS + 2);
const FIRST_PLACE = new Uint16Array(MAX_BITS + 2);
const ORDERED = HUFFMAN_BITS.map((bits, byte) => ({ bits, byte }))
  .sort((a, b) => a.bits - b.bits || a.byte - b.byte)
  .map(({ byte }) => byte);

for (let bits = 1, code = 0, place = 0; bits <= MAX_BITS + 1; bits++) {
  FIRST_CODE[bits] = code;
  FIRST_PLACE[bits] = place;
  const count = HUFFMAN_BITS.filter((length) => length === bits).length;
  code = (code + count) * 2;
  place += count;
}

/**
 * Decodes a string of HPACK's Huffman code, as latin-1. Undefined when it is none: cut short by
 * more than seven bits, padded with other bits than ones, or with the code of the end in it.
 */
export function huffmanDecode(coded: Uint8Array): string | undefined {
  const out = Buffer.allocUnsafe(Math.ceil((coded.length * 8) / 5));
  let length = 0;
  let code = 0;
  let bits = 0;
  for (const byte of coded) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      bits += 1;
      const place = code - FIRST_CODE[bits]! + FIRST_PLACE[bits]!;
      if (place >= FIRST_PLACE[bits + 1]!) {
        if (bits >= MAX_BITS) return undefined;
        continue;
      }
      const symbol = ORDERED[place]!;
      if (symbol === END) return undefined;
      out[length++] = symbol;
      code = 0;
      bits = 0;
    }
  }
  if (bits > 7 || code !== 2 ** bits - 1) return undefined;
  return out.toString("latin1", 0, length);
}
