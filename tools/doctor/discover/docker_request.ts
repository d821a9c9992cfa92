import { request } from "node:http";
import type { Answer } from "../facts.ts";

/** An answer may be wrong or endless: the daemon is the patient. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

export interface DockerReply extends Answer {
  status: number;
  text: string;
  /** Parsed body; undefined when it is not JSON. */
  json: unknown;
}

/**
 * One request to a Docker Engine API under a hard time limit. Never rejects: a refused connection,
 * a silence and a wrong answer are all observations.
 */
export function dockerRequest(
  socketPath: string,
  path: string,
  timeoutMs: number,
  send?: { method: string; body?: unknown },
): Promise<DockerReply> {
  const started = performance.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (part: { status?: number; error?: string; timedOut?: boolean }) => {
      clearTimeout(timer);
      const text = Buffer.concat(chunks).toString("utf8");
      const status = part.status ?? 0;
      const reply: DockerReply = {
        ok: status >= 200 && status < 400,
        latencyMs: performance.now() - started,
        timedOut: part.timedOut ?? false,
        status,
        text,
        json: parse(text),
      };
      const error = part.error ?? (reply.ok ? undefined : messageOf(reply.json, text));
      if (error !== undefined) reply.error = error;
      resolve(reply);
    };
    const body = send?.body === undefined ? undefined : JSON.stringify(send.body);
    const headers: Record<string, string> = { Host: "docker" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const call = request({ socketPath, path, method: send?.method ?? "GET", headers });
    const timer = setTimeout(() => {
      finish({ timedOut: true, error: `no answer within ${timeoutMs} ms` });
      call.destroy();
    }, timeoutMs);
    call.on("error", (error: NodeJS.ErrnoException) =>
      finish({ error: error.code ?? error.message }),
    );
    call.on("response", (response) => {
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_BODY_BYTES) call.destroy(new Error("answer is too large"));
        else chunks.push(chunk);
      });
      response.on("end", () => finish({ status: response.statusCode ?? 0 }));
      response.on("error", (error: Error) => finish({ error: error.message }));
    });
    call.end(body);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function messageOf(json: unknown, text: string): string {
  const message = (json as { message?: unknown } | undefined)?.message;
  return typeof message === "string" ? message : text.slice(0, 500);
}
