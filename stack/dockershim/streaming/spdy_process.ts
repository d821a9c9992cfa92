import type { Connection } from "./connection.ts";
import { exitStatus, exitWords } from "./exit_status.ts";
import { type ProcessChannels, readSizes, type WantedStreams } from "./process_channels.ts";
import { SpdySession, type SpdyStream } from "./spdy_session.ts";

/** Newest first; the client names those it speaks. */
export const SPDY_PROCESS_PROTOCOLS = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
];
/** How long a client may take to open its streams. */
const OPEN_MS = 30_000;

/** Waits for the streams of one process on a connection that has just become SPDY. */
export async function spdyChannels(
  connection: Connection,
  protocol: string,
  wanted: WantedStreams,
): Promise<ProcessChannels> {
  const streams = new Map<string, SpdyStream>();
  const left = new AbortController();
  const { promise: complete, resolve, reject } = Promise.withResolvers<void>();
  const expected = expectedStreams(wanted, protocol);
  const session = new SpdySession(connection, (stream) => {
    streams.set(stream.headers.get("streamtype") ?? "", stream);
    if (expected.every((type) => streams.has(type))) resolve();
  });
  const gone = () => {
    left.abort();
    reject(new RangeError("the client left before it had opened its streams"));
  };
  session.run().then(gone, (error: unknown) => {
    gone();
    reject(error);
    connection.destroy();
  });
  const timer = setTimeout(() => {
    reject(new RangeError(`the client opened ${[...streams.keys()].join(", ")} of ${expected}`));
    connection.destroy();
  }, OPEN_MS);
  await complete.finally(() => clearTimeout(timer));
  return {
    stdin: streams.get("stdin")?.input,
    resizes: streams.has("resize") ? readSizes(streams.get("resize")!.input) : undefined,
    write: async (stream, data) => {
      await streams.get(stream === 1 ? "stdout" : "stderr")?.write(data);
    },
    finish: async (ending) => {
      const text = /^v[45]/.test(protocol) ? exitStatus(ending) : exitWords(ending);
      for (const type of ["stdout", "stderr"]) await streams.get(type)?.end();
      await streams.get("error")?.write(Buffer.from(text));
      await streams.get("error")?.end();
      await session.close();
    },
    left: left.signal,
  };
}

function expectedStreams(wanted: WantedStreams, protocol: string): string[] {
  const types = ["error"];
  if (wanted.stdin) types.push("stdin");
  if (wanted.stdout) types.push("stdout");
  if (wanted.stderr && !wanted.tty) types.push("stderr");
  // Sizes came with the third version.
  if (wanted.tty && /^v[345]/.test(protocol)) types.push("resize");
  return types;
}
