import { Http2Error, REASON } from "./frame_layout.ts";
import { type Field, STATIC_TABLE } from "./hpack_tables.ts";
import { huffmanDecode } from "./huffman_decode.ts";

/** What a peer may keep in its table of fields: the default, which we do not change. */
const TABLE_BYTES = 4096;
/** What RFC 7541 adds to the length of each field. */
const FIELD_BYTES = 32;
/** All fields of one block together. */
const MAX_LIST_BYTES = 64 * 1024;
/** A number of HPACK has at most this many bytes after its first. */
const MAX_NUMBER_BYTES = 4;

/** Decodes the header blocks of one direction of a connection (RFC 7541), in their order. */
export class HeaderDecoder {
  /** The peer's table, its newest field last. */
  #table: Field[] = [];
  #tableBytes = 0;
  #maxTableBytes = TABLE_BYTES;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** The fields of a whole block. Throws Http2Error, after which no other block can be read. */
  decode(block: Uint8Array): Field[] {
    this.#block = block;
    this.#at = 0;
    const fields: Field[] = [];
    let listBytes = 0;
    while (this.#at < block.length) {
      const field = this.#next(fields.length === 0);
      if (!field) continue;
      fields.push(field);
      listBytes += sizeOf(field);
      if (listBytes > MAX_LIST_BYTES) {
        throw new Http2Error(REASON.ENHANCE_YOUR_CALM, "header fields are too long");
      }
    }
    return fields;
  }

  /** The next field; undefined for a change of the table's size, allowed at the `start` alone. */
  #next(start: boolean): Field | undefined {
    const first = this.#block[this.#at]!;
    if (first & 0x80) return this.#known(this.#number(7));
    if (first & 0x40) {
      const field = this.#literal(6);
      this.#keep(field);
      return field;
    }
    if ((first & 0xe0) !== 0x20) return this.#literal(4);
    const size = this.#number(5);
    if (!start || size > TABLE_BYTES) throw malformed("the size of the table of fields");
    this.#maxTableBytes = size;
    this.#shrink();
    return undefined;
  }

  #literal(bits: number): Field {
    const index = this.#number(bits);
    const name = index === 0 ? this.#text() : this.#known(index)[0];
    return [name, this.#text()];
  }

  #known(index: number): Field {
    const fixed = STATIC_TABLE[index - 1];
    if (fixed) return fixed;
    const kept = this.#table[this.#table.length - (index - STATIC_TABLE.length)];
    if (index === 0 || !kept) throw malformed(`field ${index}`);
    return kept;
  }

  #keep(field: Field): void {
    this.#table.push(field);
    this.#tableBytes += sizeOf(field);
    this.#shrink();
  }

  #shrink(): void {
    let gone = 0;
    while (this.#tableBytes > this.#maxTableBytes) this.#tableBytes -= sizeOf(this.#table[gone++]!);
    if (gone > 0) this.#table.splice(0, gone);
  }

  #text(): string {
    const huffman = (this.#block[this.#at] ?? 0) & 0x80;
    const length = this.#number(7);
    const end = this.#at + length;
    if (end > this.#block.length) throw malformed("a string");
    const bytes = this.#block.subarray(this.#at, end);
    this.#at = end;
    if (!huffman) return latin1(bytes);
    const text = huffmanDecode(bytes);
    if (text === undefined) throw malformed("a Huffman string");
    return text;
  }

  /** A number: `bits` of the first byte, then seven of each byte that follows. */
  #number(bits: number): number {
    const full = 2 ** bits - 1;
    const first = this.#block[this.#at++];
    if (first === undefined) throw malformed("a number");
    let value = first & full;
    if (value < full) return value;
    for (let count = 0; count < MAX_NUMBER_BYTES; count++) {
      const byte = this.#block[this.#at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 128 ** count;
      if ((byte & 0x80) === 0) return value;
    }
    throw malformed("a number");
  }
}

function sizeOf([name, value]: Field): number {
  return name.length + value.length + FIELD_BYTES;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

function malformed(what: string): Http2Error {
  return new Http2Error(REASON.COMPRESSION_ERROR, `header fields: ${what} is malformed`);
}
