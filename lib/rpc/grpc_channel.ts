import type { Socket, UnixSocketOptions } from "bun";
import { Http2Session } from "./http2/http2_session.ts";
import { SocketWriter } from "./socket_writer.ts";

interface SocketData {
  session?: Http2Session;
}

/** A connection, and how it is kept. */
interface Connection {
  session: Http2Session;
  socket: Socket<SocketData>;
}

/**
 * A connection to a gRPC server on a unix socket. It connects at the first call and again after the
 * server was gone; calls meanwhile fail with "unavailable" at once. While no call is under way it
 * keeps no process from its end.
 */
export class GrpcChannel {
  readonly #path: string;
  #current: Connection | undefined;
  #connecting: Promise<Connection> | undefined;
  #calls = 0;
  #closed = false;

  /** `address` is the absolute path of the socket. */
  constructor(address: string) {
    this.#path = address;
  }

  /** A session for a new call: the one there is, or undefined while none is connected. */
  get session(): Http2Session | undefined {
    return this.#current?.session.leaving === false ? this.#current.session : undefined;
  }

  /** Connects, unless it is connected. Rejects with the system's error. */
  async connect(): Promise<Http2Session> {
    const known = this.session;
    if (known) return known;
    if (this.#closed) throw new Error("the connection was closed");
    this.#connecting ??= this.#dial().finally(() => {
      this.#connecting = undefined;
    });
    const { session } = await this.#connecting;
    return session;
  }

  /** Tells that a call begins, or with -1 that it is over. */
  count(change: 1 | -1): void {
    this.#calls += change;
    if (this.#calls === 0) this.#current?.socket.unref();
    else if (this.#calls === 1) this.#current?.socket.ref();
  }

  /** Ends the connection; calls under way fail. */
  close(): void {
    this.#closed = true;
    const current = this.#current;
    this.#current = undefined;
    current?.session.closed();
    current?.socket.end();
  }

  async #dial(): Promise<Connection> {
    const gone = (socket: Socket<SocketData>): void => {
      if (this.#current?.socket === socket) this.#current = undefined;
      socket.data.session?.closed();
    };
    const options: UnixSocketOptions<SocketData> = {
      unix: this.#path,
      data: {},
      socket: {
        data: (socket, bytes) => socket.data.session?.receive(bytes),
        drain: (socket) => socket.data.session?.drain(),
        close: gone,
        error: gone,
      },
    };
    const socket = await Bun.connect<SocketData>(options);
    const session = new Http2Session({
      writer: new SocketWriter(socket),
      hangUp: () => socket.end(),
    });
    socket.data.session = session;
    const connection = { session, socket };
    if (this.#closed) {
      socket.end();
      throw new Error("the connection was closed");
    }
    this.#current = connection;
    if (this.#calls === 0) socket.unref();
    return connection;
  }
}
