import type { Answer } from "../facts.ts";
import { stretched } from "../host/host_pace.ts";

const TIMEOUT_MS = 3000;

/** Asks a shim for its container's state: harmless, it starts nothing. */
export async function probeShim(socket: string, id: string): Promise<Answer> {
  const started = performance.now();
  const { TtrpcConnection } = await import("#wire/task-ttrpc/client/ttrpc_connection.ts");
  const { taskClient } = await import("#wire/task-ttrpc/client/ttrpc_client.ts");
  const done = (part: Partial<Answer>): Answer => ({
    ok: false,
    timedOut: false,
    ...part,
    latencyMs: performance.now() - started,
  });
  let connection: Awaited<ReturnType<typeof TtrpcConnection.connect>> | undefined;
  try {
    connection = await TtrpcConnection.connect({ path: socket, peer: "shim" });
    await taskClient(connection).state({ id }, { timeoutMs: stretched(TIMEOUT_MS) });
    return done({ ok: true });
  } catch (error) {
    const code = (error as { outer?: { code?: unknown } }).outer?.code;
    const timedOut = code === "deadline_exceeded";
    return done({ timedOut, error: error instanceof Error ? error.message : String(error) });
  } finally {
    connection?.close();
  }
}
