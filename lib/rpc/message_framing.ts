import { gunzipSync, inflateSync } from "node:zlib";

/*
 * A gRPC message: whether it is compressed (u8), its length (u32, big-endian), the message.
 */
const PREFIX_BYTES = 5;
/** What genuine containerd accepts in one message. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Compressions that a peer may use, as `grpc-accept-encoding` names them. */
export const ENCODINGS = "identity,gzip,deflate";

/** A message that cannot be taken, and the gRPC code that its sender is told. */
export class MessageError extends Error {
  readonly code: "resource_exhausted" | "unimplemented" | "internal";

  constructor(code: MessageError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** A message with what goes before it; with `room`, that many bytes are left free at the start. */
export function prefixed(message: Uint8Array, room = 0): Uint8Array {
  if (message.length > MAX_MESSAGE_BYTES) throw tooLarge(message.length);
  const bytes = Buffer.allocUnsafe(room + PREFIX_BYTES + message.length);
  bytes[room] = 0;
  bytes.writeUInt32BE(message.length, room + 1);
  bytes.set(message, room + PREFIX_BYTES);
  return bytes;
}

/** Cuts the body of a call into messages. */
export class MessageReader {
  readonly #encoding: string;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** `encoding` is what the peer compresses with, when it does. */
  constructor(encoding = "identity") {
    this.#encoding = encoding;
  }

  /** Part of a message has come, and its end has not. */
  get incomplete(): boolean {
    return this.#bytes > 0;
  }

  /** Takes the next bytes, calls `take` for each message that they complete. Keeps views. */
  push(chunk: Uint8Array, take: (message: Uint8Array) => void): void {
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= PREFIX_BYTES) {
      const prefix = this.#joined(PREFIX_BYTES);
      const length = prefix.readUInt32BE(1);
      if (length > MAX_MESSAGE_BYTES) throw tooLarge(length);
      const whole = PREFIX_BYTES + length;
      if (this.#bytes < whole) return;
      const bytes = this.#joined(whole);
      const rest = bytes.subarray(whole);
      this.#parts = rest.length > 0 ? [rest] : [];
      this.#bytes = rest.length;
      const message = bytes.subarray(PREFIX_BYTES, whole);
      take(bytes[0] === 0 ? message : expand(message, this.#encoding));
    }
  }

  /** What has come, in one piece if its first `bytes` bytes are not. */
  #joined(bytes: number): Buffer {
    const first = this.#parts[0]!;
    if (first.length < bytes) this.#parts = [Buffer.concat(this.#parts)];
    const { buffer, byteOffset, byteLength } = this.#parts[0]!;
    return Buffer.from(buffer, byteOffset, byteLength);
  }
}

function expand(message: Uint8Array, encoding: string): Uint8Array {
  const limit = { maxOutputLength: MAX_MESSAGE_BYTES };
  try {
    if (encoding === "gzip") return gunzipSync(message, limit);
    if (encoding === "deflate") return inflateSync(message, limit);
  } catch (error) {
    throw new MessageError("internal", `decompress a message: ${String(error)}`);
  }
  throw new MessageError("unimplemented", `a message compressed with ${encoding}`);
}

function tooLarge(bytes: number): MessageError {
  const message = `grpc: received message larger than max (${bytes} vs. ${MAX_MESSAGE_BYTES})`;
  return new MessageError("resource_exhausted", message);
}
