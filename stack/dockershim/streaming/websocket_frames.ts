import { createHash } from "node:crypto";

/** What RFC 6455 appends to a client's key. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Longest message that is read, all its frames together. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

/** The answer to a client's Sec-WebSocket-Key. */
export function acceptKey(key: string): string {
  return createHash("sha1").update(`${key}${GUID}`).digest("base64");
}

/** A whole message, or a control frame. */
export interface WebSocketMessage {
  opcode: number;
  data: Buffer;
}

/** Puts a client's frames together. */
export class MessageReader {
  #pending: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #opcode = 0;

  /** Takes bytes, returns the messages that are whole. Throws on what a client must not send. */
  push(bytes: Buffer): WebSocketMessage[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const messages: WebSocketMessage[] = [];
    for (let frame = this.#frame(); frame; frame = this.#frame()) {
      const { opcode, fin, data } = frame;
      if (opcode >= OPCODE.CLOSE) messages.push({ opcode, data });
      else {
        if (opcode !== OPCODE.CONTINUATION) this.#opcode = opcode;
        this.#parts.push(data);
        const size = this.#parts.reduce((sum, part) => sum + part.length, 0);
        if (size > MAX_MESSAGE_BYTES) throw new RangeError(`a message of ${size} bytes`);
        if (!fin) continue;
        messages.push({ opcode: this.#opcode, data: Buffer.concat(this.#parts) });
        this.#parts = [];
      }
    }
    return messages;
  }

  #frame(): { opcode: number; fin: boolean; data: Buffer } | undefined {
    const bytes = this.#pending;
    if (bytes.length < 2) return undefined;
    const [first, second] = bytes as unknown as [number, number];
    if ((first & 0x70) !== 0) throw new RangeError("reserved bits are set");
    if ((second & 0x80) === 0) throw new RangeError("a client's frame is not masked");
    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const maskAt = 2 + lengthBytes;
    if (bytes.length < maskAt + 4) return undefined;
    const length =
      lengthBytes === 0
        ? short
        : lengthBytes === 2
          ? bytes.readUInt16BE(2)
          : Number(bytes.readBigUInt64BE(2));
    if (length > MAX_MESSAGE_BYTES) throw new RangeError(`a frame of ${length} bytes`);
    const end = maskAt + 4 + length;
    if (bytes.length < end) return undefined;
    const mask = bytes.subarray(maskAt, maskAt + 4);
    const data = Buffer.from(bytes.subarray(maskAt + 4, end));
    for (let i = 0; i < data.length; i++) data[i]! ^= mask[i & 3]!;
    this.#pending = bytes.subarray(end);
    return { opcode: first & 0x0f, fin: (first & 0x80) !== 0, data };
  }
}

/** One frame of a server's, a whole message. */
export function encodeMessage(opcode: number, data: Uint8Array): Buffer {
  const { length } = data;
  let head: Buffer;
  if (length < 126) head = Buffer.from([0x80 | opcode, length]);
  else if (length < 65_536) {
    head = Buffer.from([0x80 | opcode, 126, 0, 0]);
    head.writeUInt16BE(length, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = 0x80 | opcode;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, data]);
}
