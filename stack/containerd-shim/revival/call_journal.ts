import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";

const RECORD = { ASKED: 1, ANSWERED: 2, REST: 3, CLOSED: 4 } as const;
const HEAD_BYTES = 13;
/** Beyond this the file is written anew with what still matters. */
const MAX_FILE_BYTES = 1024 * 1024;

/** What one connection had under way. */
export interface ConnectionCalls {
  /** Requests without an answer, by stream. */
  calls: Map<number, Uint8Array>;
  /** The beginning of a frame whose end had not come. */
  rest: Uint8Array;
}

/**
 * The calls that a shim has taken and not answered, in a file beside its socket: after its death
 * the next shim on the same connections knows what its callers wait for. Appended to, a record for
 * each request and each answer; not synced, because it need not outlive the host.
 */
export class CallJournal {
  readonly #path: string;
  readonly #connections: Map<number, ConnectionCalls>;
  #fd: number | undefined;
  #bytes = 0;

  /** Starts the file anew with `known`, which `read` gave. */
  constructor(path: string, known = new Map<number, ConnectionCalls>()) {
    this.#path = path;
    this.#connections = known;
    this.#rewrite();
  }

  /** What a former shim left under way; torn or hostile records end the reading. */
  static read(path: string): Map<number, ConnectionCalls> {
    const connections = new Map<number, ConnectionCalls>();
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch {
      return connections;
    }
    for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
      const kind = bytes.readUInt8(at);
      const end = at + HEAD_BYTES + bytes.readUInt32LE(at + 9);
      if (end > bytes.length) break;
      const [key, stream] = [bytes.readUInt32LE(at + 1), bytes.readUInt32LE(at + 5)];
      const data = new Uint8Array(bytes.subarray(at + HEAD_BYTES, end));
      note(connections, kind, key, stream, data);
      at = end;
    }
    return connections;
  }

  asked(key: number, stream: number, data: Uint8Array): void {
    this.#append(RECORD.ASKED, key, stream, data);
  }

  answered(key: number, stream: number): void {
    this.#append(RECORD.ANSWERED, key, stream);
  }

  /** The unfinished frame at the end of what came; empty when there is none any more. */
  rest(key: number, bytes: Uint8Array): void {
    this.#append(RECORD.REST, key, 0, bytes);
  }

  closed(key: number): void {
    this.#append(RECORD.CLOSED, key, 0);
  }

  remove(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#path, { force: true });
  }

  #append(kind: number, key: number, stream: number, data: Uint8Array = new Uint8Array(0)): void {
    note(this.#connections, kind, key, stream, data);
    this.#write(record(kind, key, stream, data));
    if (this.#bytes > MAX_FILE_BYTES) this.#rewrite();
  }

  #write(bytes: Buffer): void {
    if (this.#fd === undefined) return;
    try {
      writeSync(this.#fd, bytes);
      this.#bytes += bytes.length;
    } catch {
      // A full /run: after our death these callers would be told less, which stops nobody now.
    }
  }

  #rewrite(): void {
    const next = `${this.#path}.tmp`;
    if (this.#fd !== undefined) closeSync(this.#fd);
    // Bytes that cannot shrink must not be written again with each call: the count starts over.
    this.#bytes = 0;
    try {
      this.#fd = openSync(next, "w", 0o600);
      for (const [key, { calls, rest }] of this.#connections) {
        for (const [stream, data] of calls)
          writeSync(this.#fd, record(RECORD.ASKED, key, stream, data));
        if (rest.length > 0) writeSync(this.#fd, record(RECORD.REST, key, 0, rest));
      }
      renameSync(next, this.#path);
    } catch {
      // As for a write that fails.
    }
  }
}

function record(kind: number, key: number, stream: number, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + data.length);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt32LE(key, 1);
  bytes.writeUInt32LE(stream, 5);
  bytes.writeUInt32LE(data.length, 9);
  bytes.set(data, HEAD_BYTES);
  return bytes;
}

function note(
  connections: Map<number, ConnectionCalls>,
  kind: number,
  key: number,
  stream: number,
  data: Uint8Array,
): void {
  if (kind === RECORD.CLOSED) {
    connections.delete(key);
    return;
  }
  const known = connections.get(key) ?? { calls: new Map(), rest: new Uint8Array(0) };
  connections.set(key, known);
  if (kind === RECORD.ASKED) known.calls.set(stream, data);
  else if (kind === RECORD.ANSWERED) known.calls.delete(stream);
  else if (kind === RECORD.REST) known.rest = data;
}
