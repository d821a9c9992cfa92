import { connect, type Socket } from "node:net";
import {
  CONTROL,
  controlFrame,
  dataFrame,
  FLAG_FIN,
  FrameReader,
} from "#stack/dockershim/streaming/spdy_frames.ts";
import { HeaderEncoder, type SpdyHeaders } from "#stack/dockershim/streaming/spdy_headers.ts";

const LIMIT_MS = 60_000;

/** One stream of a client's. */
export class ClientStream {
  readonly #socket: Socket;
  readonly #id: number;
  readonly #pieces: Buffer[] = [];
  readonly #ended = Promise.withResolvers<void>();

  constructor(socket: Socket, id: number) {
    this.#socket = socket;
    this.#id = id;
  }

  take(data: Buffer, fin: boolean): void {
    this.#pieces.push(Buffer.from(data));
    if (fin) this.#ended.resolve();
  }

  finish(): void {
    this.#ended.resolve();
  }

  async write(text: string): Promise<void> {
    this.#socket.write(dataFrame(this.#id, Buffer.from(text), false));
  }

  async end(): Promise<void> {
    this.#socket.write(dataFrame(this.#id, Buffer.alloc(0), true));
  }

  /** What came so far. */
  seen(): string {
    return Buffer.concat(this.#pieces).toString("utf8");
  }

  /** All that comes, once the server has ended the stream. */
  async text(): Promise<string> {
    const timer = setTimeout(
      () => this.#ended.reject(new Error(`so far: ${this.seen()}`)),
      LIMIT_MS,
    );
    await this.#ended.promise.finally(() => clearTimeout(timer));
    return this.seen();
  }
}

/**
 * A client of SPDY/3.1 for the tests. It shares the frame codec with the server under test; that
 * codec is proved by the control, whose server is Go's.
 */
export class SpdyClient {
  readonly #socket: Socket;
  readonly #encoder = new HeaderEncoder();
  readonly #frames = new FrameReader();
  readonly #streams = new Map<number, ClientStream>();
  #next = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Upgrades a URL that a runtime gave. Rejects with the server's status when it refuses. */
  static async open(url: string, protocols: string[]): Promise<SpdyClient> {
    const { hostname, port, pathname } = new URL(url);
    const socket = connect(Number(port), hostname);
    const client = new SpdyClient(socket);
    const lines = [
      `POST ${pathname} HTTP/1.1`,
      `Host: ${hostname}:${port}`,
      "Connection: Upgrade",
      "Upgrade: SPDY/3.1",
      ...protocols.map((protocol) => `X-Stream-Protocol-Version: ${protocol}`),
      "Content-Length: 0",
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    await client.#upgraded();
    return client;
  }

  #upgraded(): Promise<void> {
    return new Promise((resolve, reject) => {
      let head = Buffer.alloc(0);
      let open = false;
      this.#socket.on("error", reject);
      this.#socket.on("close", () => {
        for (const stream of this.#streams.values()) stream.finish();
        reject(new Error("the server closed the connection"));
      });
      this.#socket.on("data", (bytes: Buffer) => {
        if (open) return this.#take(bytes);
        head = Buffer.concat([head, bytes]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        const status = head.toString("latin1", 9, 12);
        if (status !== "101") return reject(new Error(`refused: ${status}`));
        open = true;
        resolve();
        this.#take(head.subarray(end + 4));
      });
    });
  }

  #take(bytes: Buffer): void {
    for (const frame of this.#frames.push(bytes)) {
      if (frame.kind !== "data") continue;
      this.#streams.get(frame.stream)?.take(frame.body, (frame.flags & FLAG_FIN) !== 0);
    }
  }

  open(headers: SpdyHeaders): ClientStream {
    const id = this.#next;
    this.#next += 2;
    const stream = new ClientStream(this.#socket, id);
    this.#streams.set(id, stream);
    const block = Buffer.concat([Buffer.alloc(2), this.#encoder.encode(headers)]);
    this.#socket.write(controlFrame(CONTROL.SYN_STREAM, [id, 0], block));
    return stream;
  }

  /** Opens the streams of a process by their types. */
  async process(types: string[]): Promise<Record<string, ClientStream>> {
    return Object.fromEntries(
      types.map((type) => [type, this.open(new Map([["streamtype", type]]))]),
    );
  }

  /** Opens one connection to a port. */
  async port(
    port: number,
    requestId: string,
  ): Promise<{ data: ClientStream; error: ClientStream }> {
    const open = (type: string) =>
      this.open(
        new Map([
          ["streamtype", type],
          ["port", String(port)],
          ["requestid", requestId],
        ]),
      );
    const error = open("error");
    await error.end();
    return { error, data: open("data") };
  }

  close(): void {
    this.#socket.destroy();
  }
}
