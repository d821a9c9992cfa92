import type { Connection } from "./connection.ts";
import { forwardPort } from "./port_forward.ts";
import { SpdySession, type SpdyStream } from "./spdy_session.ts";

export const SPDY_FORWARD_PROTOCOL = "portforward.k8s.io";
/** How long half of a pair waits for its other half. */
const PAIR_MS = 30_000;

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Port-forward over SPDY: for each connection the client opens a stream for data and one for an
 * error, with the same request id. Ends when the client leaves.
 */
export async function spdyForward(connection: Connection, pid: number): Promise<void> {
  const left = new AbortController();
  const pairs = new Map<string, Pair>();
  const session = new SpdySession(connection, (stream) => {
    const requestId = stream.headers.get("requestid") ?? String(stream.id - (stream.id % 4));
    const type = stream.headers.get("streamtype") === "error" ? "error" : "data";
    const drop = () => pairs.delete(requestId);
    const pair = pairs.get(requestId) ?? { timer: setTimeout(drop, PAIR_MS) };
    pairs.set(requestId, pair);
    pair[type] = stream;
    if (!pair.data || !pair.error) return;
    clearTimeout(pair.timer);
    drop();
    void forward(session, pair.data, pair.error, pid, left.signal);
  });
  try {
    await session.run();
  } finally {
    left.abort();
    for (const { timer } of pairs.values()) clearTimeout(timer);
    connection.destroy();
  }
}

async function forward(
  session: SpdySession,
  data: SpdyStream,
  error: SpdyStream,
  pid: number,
  left: AbortSignal,
): Promise<void> {
  const port = Number(data.headers.get("port"));
  const client = { input: data.input, write: (bytes: Uint8Array) => data.write(bytes), left };
  const reason =
    Number.isInteger(port) && port > 0 && port < 65_536
      ? await forwardPort(pid, port, client).catch(String)
      : `port ${JSON.stringify(data.headers.get("port"))} is none`;
  if (reason !== "") await error.write(Buffer.from(reason));
  for (const stream of [data, error]) {
    await stream.end();
    stream.input.end();
    session.forget(stream);
  }
}
