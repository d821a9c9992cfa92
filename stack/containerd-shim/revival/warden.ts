import type { Socket, UnixSocketOptions } from "bun";
import { childEnv } from "#lib/install/child_env.ts";
import { libexecPath } from "#lib/install/install_paths.ts";
import { receiveWithFds, SOCK, sendWithFds, socketpair } from "#lib/linux/descriptor.ts";

/** As in warden/main.c. */
const MESSAGE = { HOLD: 1, DROP: 2, LEAVE: 3, GIVE: 4, END: 5 } as const;
const MESSAGE_BYTES = 8;
/** On this descriptor a warden's child finds its socket to the warden. */
const WARDEN_FD = 3;
/** A warden that dies is replaced; one that dies this often does not stay for a reason. */
const MAX_STARTS = 20;
const MAX_GIVEN = 65_536;

/** A connection, or the listening socket, that the warden holds too. */
export interface Held {
  key: number;
  fd: number;
}

export interface WardenParts {
  /** How this shim is started again: the executable, the name it goes by, its arguments. */
  program: string;
  name: string;
  args: string[];
  /** Told what fails: without a warden the containers do not survive this process. */
  failed(why: string): void;
}

/**
 * The other holder of this shim's connections, a C process that starts the shim again when it dies.
 * Started with the first descriptor that it is given; a killed one is replaced.
 */
export class Warden {
  readonly #parts: WardenParts;
  readonly #held = new Map<number, number>();
  #fd: number | undefined;
  #socket: Socket | undefined;
  #starts = 0;
  #left = false;

  constructor(parts: WardenParts) {
    this.#parts = parts;
  }

  /**
   * Takes from the warden that started this process what its former shim had open. Blocks until all
   * has come. Throws when the warden is gone.
   */
  async inherit(): Promise<Held[]> {
    const buffer = Buffer.alloc(MESSAGE_BYTES);
    for (let count = 0; count <= MAX_GIVEN; count++) {
      const { bytes, fds } = receiveWithFds(WARDEN_FD, buffer);
      const type = bytes === MESSAGE_BYTES ? buffer.readUInt32LE(0) : 0;
      if (type === MESSAGE.END) {
        await this.#attach(WARDEN_FD);
        return [...this.#held].map(([key, fd]) => ({ key, fd }));
      }
      if (type !== MESSAGE.GIVE || fds.length !== 1) break;
      this.#held.set(buffer.readUInt32LE(4), fds[0]!);
    }
    throw new Error("the warden did not hand over what it holds");
  }

  /** Has `fd` kept open beyond our own death, under `key`, until `drop`. */
  hold(key: number, fd: number): void {
    this.#held.set(key, fd);
    if (this.#fd === undefined) this.#start();
    else this.#send(MESSAGE.HOLD, key, [fd]);
  }

  /** The connection `key` has ended on this side: its other end may see that too. */
  drop(key: number): void {
    if (this.#held.delete(key)) this.#send(MESSAGE.DROP, key);
  }

  /** This shim ends on purpose: it is not to be started again, and what is held may go. */
  leave(): void {
    this.#left = true;
    this.#send(MESSAGE.LEAVE, 0);
  }

  #start(): void {
    if (this.#left || this.#starts >= MAX_STARTS) return;
    this.#starts++;
    const { program, name, args, failed } = this.#parts;
    const [ours, its] = socketpair(SOCK.SEQPACKET);
    try {
      const child = Bun.spawn([libexecPath("catena-warden"), program, name, ...args], {
        cwd: "/",
        env: childEnv(engine()),
        stdio: ["ignore", "ignore", "ignore", its],
      });
      child.unref();
    } catch (thrown) {
      failed(String(thrown));
      return;
    }
    this.#attach(ours).catch((thrown: unknown) => failed(String(thrown)));
    for (const [key, fd] of this.#held) this.#send(MESSAGE.HOLD, key, [fd]);
  }

  async #attach(fd: number): Promise<void> {
    this.#fd = fd;
    const handlers = {
      data: () => {},
      close: () => this.#ended(fd),
      error: () => this.#ended(fd),
    };
    // Bun takes a connected descriptor, which its types do not tell.
    const options = { fd, socket: handlers } as unknown as UnixSocketOptions<undefined>;
    this.#socket = await Bun.connect(options);
    // This connection alone does not keep the process.
    this.#socket.unref();
  }

  #send(type: number, key: number, fds: number[] = []): void {
    if (this.#fd === undefined) return;
    const bytes = Buffer.alloc(MESSAGE_BYTES);
    bytes.writeUInt32LE(type, 0);
    bytes.writeUInt32LE(key, 4);
    try {
      sendWithFds(this.#fd, bytes, fds);
    } catch {
      // It is gone or stuck: its end, which this makes certain, is answered with another.
      this.#socket?.terminate();
    }
  }

  #ended(fd: number): void {
    if (this.#fd !== fd) return;
    this.#fd = undefined;
    this.#socket = undefined;
    if (this.#left) return;
    if (this.#starts >= MAX_STARTS) this.#parts.failed("its wardens do not stay alive");
    else if (this.#held.size > 0) this.#start();
  }
}

/** The next shim's engine compiles as much as this one's, which `start` chose. */
function engine(): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of ["BUN_JSC_useJIT", "BUN_JSC_useFTLJIT"]) {
    const value = process.env[name];
    if (value !== undefined) out[name] = value;
  }
  return out;
}
