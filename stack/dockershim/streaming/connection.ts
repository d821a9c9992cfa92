import type { Socket } from "node:net";

/** How long a client may take to close its side. */
const LINGER_MS = 5_000;

/** A socket of a client as bytes in and bytes out, with back-pressure both ways. */
export class Connection {
  readonly #socket: Socket;
  readonly #reader: AsyncIterator<Buffer>;
  #ahead: Buffer | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Errors show as the end of reading; a socket without a listener for them ends the process.
    socket.on("error", () => {});
    this.#reader = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** The next bytes; undefined at the end, however it came. */
  async read(): Promise<Buffer | undefined> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead) return ahead;
    try {
      const { done, value } = await this.#reader.next();
      return done ? undefined : value;
    } catch {
      return undefined;
    }
  }

  /** Gives back bytes that were read too far. */
  unread(bytes: Buffer): void {
    if (bytes.length > 0) this.#ahead = bytes;
  }

  /** Resolves when the bytes are on their way. To one that left, nothing is sent. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed || this.#socket.writableEnded) return resolve();
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** Sends what is still under way, then closes; a client that does not close too is cut off. */
  end(): void {
    if (this.#socket.destroyed) return;
    this.#socket.end();
    const cut = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#socket.once("close", () => clearTimeout(cut));
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
