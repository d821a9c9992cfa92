import type { Connection } from "./connection.ts";
import { exitStatus, exitWords } from "./exit_status.ts";
import { type ProcessChannels, readSizes, type WantedStreams } from "./process_channels.ts";
import { WebSocketChannels } from "./websocket_channels.ts";

/** Newest first; the client names those it speaks. "" is a client that names none. */
export const WEBSOCKET_PROCESS_PROTOCOLS = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "channel.k8s.io",
  "base64.channel.k8s.io",
];

const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** The channels of one process on a connection that has just become a WebSocket. */
export function webSocketChannels(
  connection: Connection,
  protocol: string,
  wanted: WantedStreams,
): ProcessChannels {
  const inputs: number[] = [CHANNEL.resize];
  if (wanted.stdin) inputs.push(CHANNEL.stdin);
  const channels = new WebSocketChannels(connection, protocol, inputs);
  const left = new AbortController();
  const gone = () => left.abort();
  channels.run().then(gone, () => {
    gone();
    connection.destroy();
  });
  return {
    stdin: channels.input(CHANNEL.stdin),
    resizes: wanted.tty ? readSizes(channels.input(CHANNEL.resize)!) : undefined,
    write: (stream, data) => channels.write(stream === 1 ? CHANNEL.stdout : CHANNEL.stderr, data),
    finish: async (ending) => {
      const text = /^v[45]/.test(protocol) ? exitStatus(ending) : exitWords(ending);
      if (text !== "") await channels.write(CHANNEL.error, Buffer.from(text));
      await channels.close();
    },
    left: left.signal,
  };
}
