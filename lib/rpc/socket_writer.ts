/** What the writer needs of a Bun socket. */
export interface WritableSocket {
  write(bytes: Uint8Array): number;
  end(): void;
}

/** A peer that does not read is cut off once this much waits for it. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Writes whole frames to a Bun socket, keeping what the kernel does not take until it drains. */
export class SocketWriter {
  readonly #socket: WritableSocket;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(socket: WritableSocket) {
    this.#socket = socket;
  }

  /** What the kernel has not taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Queues or writes `bytes`. Returns false when the peer was cut off for not reading. */
  write(bytes: Uint8Array): boolean {
    if (this.#waiting.length === 0) {
      const written = Math.max(0, this.#socket.write(bytes));
      if (written === bytes.length) return true;
      bytes = bytes.subarray(written);
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes <= MAX_WAITING_BYTES) return true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#socket.end();
    return false;
  }

  /** Continues after the kernel made room: the socket's `drain` event. */
  drain(): void {
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0]!;
      const written = Math.max(0, this.#socket.write(next));
      this.#waitingBytes -= written;
      if (written < next.length) {
        this.#waiting[0] = next.subarray(written);
        return;
      }
      this.#waiting.shift();
    }
  }
}
