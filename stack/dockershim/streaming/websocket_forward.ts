import type { Connection } from "./connection.ts";
import { forwardPort } from "./port_forward.ts";
import { WebSocketChannels } from "./websocket_channels.ts";

/** Newest first. */
export const WEBSOCKET_FORWARD_PROTOCOLS = [
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "channel.k8s.io",
  "base64.channel.k8s.io",
];

/**
 * Port-forward over a WebSocket: two channels a port, data and error, in the order in which the
 * ports were asked for. The first message on each tells the port. One connection for each.
 */
export async function webSocketForward(
  connection: Connection,
  protocol: string,
  pid: number,
  ports: readonly number[],
): Promise<void> {
  const left = new AbortController();
  const dataChannels = ports.map((_, index) => index * 2);
  const channels = new WebSocketChannels(connection, protocol, dataChannels);
  const reading = channels.run().finally(() => left.abort());
  const all = ports.map(async (port, index) => {
    const [data, error] = [index * 2, index * 2 + 1];
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    for (const channel of [data, error]) await channels.write(channel, number);
    const client = {
      input: channels.input(data)!,
      write: (bytes: Uint8Array) => channels.write(data, bytes),
      left: left.signal,
    };
    const reason = await forwardPort(pid, port, client).catch(String);
    if (reason !== "") await channels.write(error, Buffer.from(reason));
  });
  await Promise.all(all);
  await channels.close();
  await reading.catch(() => connection.destroy());
}
