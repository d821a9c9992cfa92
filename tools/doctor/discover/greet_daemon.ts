import { connect } from "node:net";
import type { Answer } from "../facts.ts";

/** HTTP/2's connection preface and an empty SETTINGS frame (RFC 9113, 3.4). */
const GREETING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);
const FRAME_HEADER_BYTES = 9;
const TYPE_AT = 3;
const SETTINGS = 4;

/**
 * Whether a gRPC daemon answers on a unix socket, within a hard time limit. That a connection is
 * accepted says nothing: the kernel does that for a stopped process too. A server's own SETTINGS
 * frame, due at once, says that the process runs; no request is made of it.
 */
export function greetDaemon(path: string, timeoutMs: number): Promise<Answer> {
  const started = performance.now();
  return new Promise((resolve) => {
    const socket = connect({ path });
    let got = Buffer.alloc(0);
    const finish = (part: Partial<Answer>) => {
      clearTimeout(timer);
      socket.destroy();
      const latencyMs = performance.now() - started;
      resolve({ ok: false, timedOut: false, ...part, latencyMs });
    };
    const timer = setTimeout(
      () => finish({ timedOut: true, error: `no answer within ${timeoutMs} ms` }),
      timeoutMs,
    );
    socket.once("connect", () => socket.write(GREETING));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      finish({
        error: error.code ?? error.message,
        denied: error.code === "EACCES" || error.code === "EPERM",
      }),
    );
    socket.once("close", () => finish({ error: "it closed the connection without an answer" }));
    socket.on("data", (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      if (got.length < FRAME_HEADER_BYTES) return;
      const ok = got[TYPE_AT] === SETTINGS;
      finish(ok ? { ok } : { error: "it answers, but does not speak gRPC" });
    });
  });
}
