import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** A socket whose incoming bytes pass a filter; what is sent goes out as it is. */
export class FilteredSocket extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket, filter: (bytes: Buffer) => Buffer) {
    super();
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      const ready = filter(bytes);
      if (ready.length > 0 && !this.push(ready)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed) done();
    else this.#socket.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
