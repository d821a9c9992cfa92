/** One entry of a container's log: a line, or a piece of one that was too long. */
export interface LogEntry {
  /** RFC 3339 with nine digits, as Docker gives it. */
  time: string;
  stream: 1 | 2;
  /** Without the newline. */
  text: Uint8Array;
  /** The line goes on in the next entry. */
  partial: boolean;
}

const NEWLINE = 0x0a;
/** Longest piece that Docker keeps in one entry, newline included. */
const PIECE_BYTES = 16 * 1024;
const TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z $/;
const TIME_BYTES = "2006-01-02T15:04:05.000000000Z ".length;

/**
 * Cuts `docker logs --timestamps` into entries. Without a terminal each chunk is whole entries.
 * With one the stream is raw: a piece without newline is known by its length and by the time that
 * follows it.
 */
export class LogEntryParser {
  readonly #tty: boolean;
  #pending: Record<1 | 2, Buffer> = { 1: Buffer.alloc(0), 2: Buffer.alloc(0) };

  constructor(tty: boolean) {
    this.#tty = tty;
  }

  push(stream: 1 | 2, data: Uint8Array): LogEntry[] {
    const entries: LogEntry[] = [];
    let bytes = Buffer.concat([this.#pending[stream], data]);
    while (bytes.length >= TIME_BYTES) {
      const length = entryLength(bytes, this.#tty);
      if (length === 0) break;
      entries.push(entryOf(stream, bytes.subarray(0, length)));
      bytes = bytes.subarray(length);
    }
    this.#pending[stream] = bytes;
    return entries;
  }

  /** What is left when the stream has ended. */
  end(): LogEntry[] {
    return ([1, 2] as const)
      .filter((stream) => this.#pending[stream].length >= TIME_BYTES)
      .map((stream) => ({ ...entryOf(stream, this.#pending[stream]), partial: false }));
  }
}

/** Bytes of the first entry, time included; 0 when it is not whole yet. */
function entryLength(bytes: Buffer, tty: boolean): number {
  const newline = bytes.indexOf(NEWLINE, TIME_BYTES);
  const whole = newline < 0 ? 0 : newline + 1;
  const piece = TIME_BYTES + PIECE_BYTES;
  if (!tty) {
    // The daemon writes an entry as one frame; a frame without newline is a piece of a line.
    return whole === 0 ? bytes.length : Math.min(whole, piece);
  }
  if (whole > 0 && whole <= piece) return whole;
  return bytes.length >= piece ? piece : 0;
}

function entryOf(stream: 1 | 2, bytes: Buffer): LogEntry {
  const stamp = bytes.toString("latin1", 0, TIME_BYTES);
  // A daemon that left the time out: the entry is kept, under the time of its reading.
  const stamped = TIME.test(stamp);
  const body = stamped ? bytes.subarray(TIME_BYTES) : bytes;
  const complete = body.at(-1) === NEWLINE;
  return {
    time: stamped ? stamp.trimEnd() : new Date().toISOString().replace("Z", "000000Z"),
    stream,
    text: Uint8Array.from(complete ? body.subarray(0, -1) : body),
    partial: !complete,
  };
}
