/** A client of channels over a WebSocket: Bun's own, which we did not write. */
export class WebSocketClient {
  readonly #socket: WebSocket;
  readonly #received = new Map<number, Buffer[]>();
  /** Resolves when the server has closed. */
  readonly closed: Promise<void>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.onclose = () => resolve();
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
      const bytes = Buffer.from(data);
      const channel = bytes[0]!;
      this.#received.set(channel, [...(this.#received.get(channel) ?? []), bytes.subarray(1)]);
    };
  }

  static async open(url: string, protocol: string): Promise<WebSocketClient> {
    const socket = new WebSocket(url.replace(/^http/, "ws"), protocol);
    socket.binaryType = "arraybuffer";
    const client = new WebSocketClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`the upgrade of ${url} was refused`));
    });
    return client;
  }

  send(channel: number, text: string): void {
    this.#socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(text)]));
  }

  /** All that came on a channel so far. */
  text(channel: number): string {
    return Buffer.concat(this.#received.get(channel) ?? []).toString("utf8");
  }
}
