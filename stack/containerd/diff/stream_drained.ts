import { once } from "node:events";

/** Waits until a stream that was full takes more, or is closed; leaves no listener behind. */
export async function streamDrained(stream: NodeJS.EventEmitter): Promise<void> {
  const stop = new AbortController();
  const { signal } = stop;
  try {
    await Promise.race([once(stream, "drain", { signal }), once(stream, "close", { signal })]);
  } finally {
    stop.abort();
  }
}
