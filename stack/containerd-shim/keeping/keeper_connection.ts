import { constants } from "node:os";
import type { Socket, SocketHandler, UnixSocketOptions } from "bun";
import { ChainError, failure } from "#lib/errors/chain_error.ts";
import { sendWithFds } from "#lib/linux/descriptor.ts";
import { errnoText } from "#lib/linux/errno_text.ts";
import {
  decodePackets,
  decodeRecord,
  encodePacket,
  type KeptProcess,
  MESSAGE,
  type Packet,
} from "./keeper_protocol.ts";

/** What the keeper says on its own account. */
export interface KeeperEvents {
  exited(process: KeptProcess): void;
  drained(token: number): void;
  consoleReady(token: number): void;
  /** The connection ended: the keeper died, a newer shim took over, or (`byUs`) it was given up. */
  lost(byUs: boolean): void;
}

interface Waiting {
  op: string;
  resolve(value: number): void;
  reject(error: ChainError): void;
}

/** A keeper answers within microseconds; one that does not is stopped or gone. */
const REPLY_TIMEOUT_MS = 10_000;

/** The shim's end of the socket to one keeper. Requests are answered in order. */
export class KeeperConnection {
  readonly #fd: number;
  readonly #events: KeeperEvents;
  readonly #waiting = new Map<number, Waiting>();
  readonly #helpers = new Map<number, (process: KeptProcess) => void>();
  /** Exits that came in one read with the reply that names the helper: before anybody can ask. */
  readonly #earlyExits = new Map<number, KeptProcess>();
  #socket: Socket | undefined;
  #request = 0;
  #closed = false;
  #byUs = false;
  #expected = false;

  private constructor(fd: number, events: KeeperEvents) {
    this.#fd = fd;
    this.#events = events;
  }

  /** Takes over `fd`, a connected SOCK_SEQPACKET socket. */
  static async over(fd: number, events: KeeperEvents): Promise<KeeperConnection> {
    const connection = new KeeperConnection(fd, events);
    const handlers: SocketHandler<undefined> = {
      data: (_socket, bytes) => connection.#receive(bytes),
      close: () => connection.#ended(),
      error: () => connection.#ended(),
    };
    // Bun takes a connected descriptor, which its types do not tell.
    const options = { fd, socket: handlers } as unknown as UnixSocketOptions<undefined>;
    connection.#socket = await Bun.connect(options);
    return connection;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Sends one request and waits for its reply's value. `fds` travel along and stay the caller's.
   * Rejects with the keeper's errno as evidence.
   */
  call(
    op: keyof typeof MESSAGE,
    token: number,
    payload: Uint8Array = new Uint8Array(0),
    fds: number[] = [],
  ): Promise<number> {
    if (this.#closed) return Promise.reject(keeperLost(op));
    this.#request = (this.#request + 1) >>> 0;
    const request = this.#request;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const timer = setTimeout(() => this.close(), REPLY_TIMEOUT_MS);
    this.#waiting.set(request, {
      op,
      resolve: (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      reject: (error) => {
        clearTimeout(timer);
        reject(error);
      },
    });
    try {
      const packet = { type: MESSAGE[op], request, token, payload };
      sendWithFds(this.#fd, encodePacket(packet), fds);
    } catch (thrown) {
      this.#take(request)?.reject(keeperLost(op, thrown));
    }
    return promise;
  }

  /** Resolves when the helper `pid`, which SPAWN just named, was reaped. */
  helperExit(pid: number): Promise<KeptProcess> {
    const early = this.#earlyExits.get(pid);
    this.#earlyExits.delete(pid);
    if (early) return Promise.resolve(early);
    return new Promise((resolve) => this.#helpers.set(pid, resolve));
  }

  /** From now on the connection's end is expected: it is not told as a loss. */
  expectEnd(): void {
    this.#expected = true;
  }

  /** Gives the connection up. */
  close(): void {
    this.#byUs = true;
    this.#socket?.terminate();
    this.#ended();
  }

  #take(request: number): Waiting | undefined {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    return waiting;
  }

  #receive(bytes: Uint8Array): void {
    try {
      for (const packet of decodePackets(bytes)) this.#dispatch(packet);
    } catch (thrown) {
      // Not our keeper's words any more: nothing later on this connection can be trusted.
      if (!(thrown instanceof RangeError)) throw thrown;
      this.close();
    }
  }

  #dispatch(packet: Packet): void {
    switch (packet.type) {
      case MESSAGE.REPLY:
        this.#reply(packet);
        break;
      case MESSAGE.HELPER:
        this.#helperExited(decodeRecord(packet.payload));
        break;
      case MESSAGE.EXIT:
        this.#events.exited(decodeRecord(packet.payload));
        break;
      case MESSAGE.CONSOLE_READY:
        this.#events.consoleReady(packet.token);
        break;
      case MESSAGE.DRAINED:
        this.#events.drained(packet.token);
        break;
      default:
        throw new RangeError(`the keeper sent a message of type ${packet.type}`);
    }
  }

  #helperExited(helper: KeptProcess): void {
    const resolve = this.#helpers.get(helper.pid);
    this.#helpers.delete(helper.pid);
    if (resolve) resolve(helper);
    else this.#earlyExits.set(helper.pid, helper);
  }

  #reply(packet: Packet): void {
    const waiting = this.#take(packet.request);
    if (!waiting) return;
    const view = new DataView(packet.payload.buffer, packet.payload.byteOffset);
    const errno = view.getUint32(0, true);
    if (errno === 0) waiting.resolve(view.getUint32(4, true));
    else waiting.reject(keeperRefused(waiting.op, errno));
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const request of [...this.#waiting.keys()]) {
      const waiting = this.#take(request);
      waiting?.reject(keeperLost(waiting.op));
    }
    this.#helpers.clear();
    this.#earlyExits.clear();
    if (!this.#expected) this.#events.lost(this.#byUs);
  }
}

function errnoName(errno: number): string {
  const found = Object.entries(constants.errno).find(([, number]) => number === errno);
  return found?.[0] ?? `errno ${errno}`;
}

function keeperRefused(op: string, errno: number): ChainError {
  const code = errnoName(errno);
  const exhausted = ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC"].includes(code);
  return failure({
    layer: "keeper",
    op: op.toLowerCase(),
    code: exhausted ? "resource_exhausted" : code === "ENOENT" ? "not_found" : "internal",
    message: `keeper ${op.toLowerCase()}: ${errnoText(code)}`,
    evidence: [{ kind: "errno", value: code }],
  });
}

function keeperLost(op: string, thrown?: unknown): ChainError {
  const evidence = [{ kind: "syscall" as const, value: "sendmsg on the keeper's socket" }];
  const detail = thrown instanceof Error ? `: ${thrown.message}` : "";
  return new ChainError([
    {
      layer: "keeper",
      op: op.toLowerCase(),
      code: "unavailable",
      message: `the container's keeper is gone${detail}`,
      evidence,
    },
  ]);
}
