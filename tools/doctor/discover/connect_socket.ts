import { connect } from "node:net";
import type { Answer } from "../facts.ts";

/** Whether somebody accepts connections on a unix socket, within a hard time limit. */
export function connectSocket(path: string, timeoutMs: number): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ path });
    const finish = (part: Partial<Answer>) => {
      clearTimeout(timer);
      socket.destroy();
      const latencyMs = performance.now() - started;
      resolve({ ok: false, timedOut: false, ...part, latencyMs });
    };
    const timer = setTimeout(
      () => finish({ timedOut: true, error: `no connection within ${timeoutMs} ms` }),
      timeoutMs,
    );
    socket.once("connect", () => finish({ ok: true }));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      finish({ error: error.code ?? error.message }),
    );
  });
}
