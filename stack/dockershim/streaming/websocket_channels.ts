import { ByteQueue } from "./byte_queue.ts";
import type { Connection } from "./connection.ts";
import { encodeMessage, MessageReader, OPCODE, type WebSocketMessage } from "./websocket_frames.ts";

/** In v5: the message that ends one channel, whose number follows. */
const CLOSE_CHANNEL = 255;
const NORMAL_CLOSURE = 1000;

/**
 * Channels over a WebSocket, as Kubernetes has them: the first byte of each message names the
 * channel; in the base64 forms it is a digit and the rest is base64.
 */
export class WebSocketChannels {
  readonly #connection: Connection;
  readonly #base64: boolean;
  readonly #inputs: ReadonlyMap<number, ByteQueue>;
  readonly #reader = new MessageReader();

  /** `inputs`: channels on which the client may send. */
  constructor(connection: Connection, protocol: string, inputs: readonly number[]) {
    this.#connection = connection;
    this.#base64 = protocol.includes("base64");
    this.#inputs = new Map(inputs.map((channel) => [channel, new ByteQueue()]));
  }

  /** What the client sends on a channel. */
  input(channel: number): AsyncIterable<Uint8Array> | undefined {
    return this.#inputs.get(channel);
  }

  async write(channel: number, data: Uint8Array): Promise<void> {
    const message = this.#base64
      ? encodeMessage(OPCODE.TEXT, Buffer.from(`${channel}${Buffer.from(data).toString("base64")}`))
      : encodeMessage(OPCODE.BINARY, Buffer.concat([Buffer.from([channel]), data]));
    await this.#connection.write(message);
  }

  /** Reads until the client closes or is gone. */
  async run(): Promise<void> {
    try {
      for (
        let bytes = await this.#connection.read();
        bytes;
        bytes = await this.#connection.read()
      ) {
        for (const message of this.#reader.push(bytes)) {
          if (message.opcode === OPCODE.CLOSE) return;
          await this.#take(message);
        }
      }
    } finally {
      for (const input of this.#inputs.values()) input.end();
    }
  }

  async close(): Promise<void> {
    const code = Buffer.alloc(2);
    code.writeUInt16BE(NORMAL_CLOSURE);
    await this.#connection.write(encodeMessage(OPCODE.CLOSE, code));
    this.#connection.end();
  }

  async #take({ opcode, data }: WebSocketMessage): Promise<void> {
    if (opcode === OPCODE.PING) await this.#connection.write(encodeMessage(OPCODE.PONG, data));
    if (opcode !== OPCODE.TEXT && opcode !== OPCODE.BINARY) return;
    const [first] = data;
    if (first === undefined) return;
    if (!this.#base64 && first === CLOSE_CHANNEL) {
      this.#inputs.get(data[1] ?? CLOSE_CHANNEL)?.end();
      return;
    }
    const channel = this.#base64 ? first - "0".charCodeAt(0) : first;
    const rest = data.subarray(1);
    const bytes = this.#base64 ? Buffer.from(rest.toString("latin1"), "base64") : rest;
    await this.#inputs.get(channel)?.push(bytes);
  }
}
