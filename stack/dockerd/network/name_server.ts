import { callInNetworkNamespace } from "#lib/linux/network_namespace.ts";
import { failureAnswer, type NameLookup, ownAnswer, readQuestion } from "./name_answer.ts";
import { forwardQuestion, withLength } from "./name_forward.ts";

/** Where a container finds its name server, as under dockerd. */
export const NAME_SERVER = "127.0.0.11";
/** Questions of one container that wait for servers outside at a time. */
const MAX_FORWARDED = 256;
/** What one TCP client may send before it is a whole question. */
const MAX_MESSAGE = 65_535 + 2;

interface TcpState {
  got: Buffer;
}

/** Where a name server listens on its address. */
export interface NameServerPorts {
  udp: number;
  tcp: number;
}

export interface NameServerOptions {
  /** Path of the container's network namespace. */
  namespace: string;
  /** Ports to listen on; 0: any, which the caller then leads questions to. */
  ports: NameServerPorts;
  lookup: NameLookup;
  /** Addresses of the servers that know all other names. */
  servers: () => readonly string[];
}

/**
 * A container's own name server. Its sockets are made inside the container's network namespace and
 * served from here; what it does not know it asks of the host's servers, from the host's network.
 */
export class NameServer {
  readonly #udp: Bun.udp.Socket<"buffer">;
  readonly #tcp: Bun.TCPSocketListener<TcpState>;

  private constructor(udp: Bun.udp.Socket<"buffer">, tcp: Bun.TCPSocketListener<TcpState>) {
    this.#udp = udp;
    this.#tcp = tcp;
  }

  /** Opens both sockets. Rejects when a program of the container has the port already. */
  static async open(options: NameServerOptions): Promise<NameServer> {
    const answer = answerer(options);
    const [pendingUdp, tcp] = callInNetworkNamespace(options.namespace, () => [
      openUdp(options.ports.udp, (message) => answer(message, false)),
      openTcp(options.ports.tcp, (message) => answer(message, true)),
    ]);
    const udp = await pendingUdp.catch((error: unknown) => {
      tcp.stop(true);
      throw error;
    });
    return new NameServer(udp, tcp);
  }

  get ports(): NameServerPorts {
    return { udp: this.#udp.port, tcp: this.#tcp.port };
  }

  close(): void {
    this.#udp.close();
    this.#tcp.stop(true);
  }
}

/** What answers a container's questions: names of its networks first, then the host's servers. */
function answerer(options: NameServerOptions) {
  let forwarded = 0;
  return async (message: Uint8Array, overTcp: boolean): Promise<Uint8Array | undefined> => {
    const question = readQuestion(message);
    if (!question) return undefined;
    const own = ownAnswer(question, options.lookup, overTcp);
    if (own) return own;
    if (forwarded >= MAX_FORWARDED) return failureAnswer(question);
    forwarded++;
    try {
      const found = await forwardQuestion(message, options.servers(), overTcp);
      return found ?? failureAnswer(question);
    } finally {
      forwarded--;
    }
  };
}

type Answerer = (message: Uint8Array) => Promise<Uint8Array | undefined>;

function openUdp(port: number, answer: Answerer): Promise<Bun.udp.Socket<"buffer">> {
  return Bun.udpSocket({
    hostname: NAME_SERVER,
    port,
    socket: {
      data(socket, data, from, address) {
        // The buffer is the socket's own: a question that waits needs a copy.
        void answer(Uint8Array.from(data)).then((found) => {
          if (found && !socket.closed) socket.send(found, from, address);
        });
      },
    },
  });
}

function openTcp(port: number, answer: Answerer): Bun.TCPSocketListener<TcpState> {
  return Bun.listen<TcpState>({
    hostname: NAME_SERVER,
    port,
    socket: {
      open(socket) {
        socket.data = { got: Buffer.alloc(0) };
        socket.timeout(30);
      },
      timeout(socket) {
        socket.end();
      },
      data(socket, data) {
        socket.data.got = Buffer.concat([socket.data.got, data]);
        const { got } = socket.data;
        if (got.length < 2 || got.length < got.readUInt16BE(0) + 2) {
          if (got.length > MAX_MESSAGE) socket.end();
          return;
        }
        const length = got.readUInt16BE(0) + 2;
        socket.data.got = got.subarray(length);
        void answer(Uint8Array.from(got.subarray(2, length))).then((found) => {
          if (found) socket.write(withLength(found));
          else socket.end();
        });
      },
    },
  });
}
