import { connect } from "node:net";
import { type ActionOutcome, clip } from "./action_outcome.ts";

const MAX_BODY = 10 * 1024;
const MAX_REDIRECTS = 10;
const USER_AGENT = "kube-probe/1.34";

export interface HttpTarget {
  url: string;
  headers: { name: string; value: string }[];
  timeoutMs: number;
}

/**
 * GET; any status from 200 to 399 is success. Redirects within the host are followed; one that
 * leads elsewhere is success, for what is elsewhere is not this container.
 */
export async function httpAction({ url, headers, timeoutMs }: HttpTarget): Promise<ActionOutcome> {
  const signal = AbortSignal.timeout(timeoutMs);
  const head = new Headers({ "user-agent": USER_AGENT, accept: "*/*" });
  for (const { name, value } of headers) head.set(name, value);
  let at = new URL(url);
  try {
    for (let step = 0; step <= MAX_REDIRECTS; step++) {
      const tls = { rejectUnauthorized: false };
      const reply = await fetch(at, { headers: head, redirect: "manual", signal, tls });
      const next = redirection(reply, at);
      if (next && next.host === at.host) {
        await reply.body?.cancel();
        at = next;
        continue;
      }
      const body = await firstBytes(reply);
      if (reply.status >= 200 && reply.status < 400) return { result: "success", output: body };
      const output = `HTTP probe failed with statuscode: ${reply.status}`;
      return { result: "failure", output: body === "" ? output : `${output}; ${body}` };
    }
    return { result: "failure", output: `Get "${url}": stopped after ${MAX_REDIRECTS} redirects` };
  } catch (error) {
    return { result: "failure", output: `Get "${url}": ${netWords(error, timeoutMs)}` };
  }
}

function redirection(reply: Response, from: URL): URL | undefined {
  const location = reply.headers.get("location");
  if (reply.status < 300 || reply.status >= 400 || location === null) return undefined;
  return URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

async function firstBytes(reply: Response): Promise<string> {
  const reader = reply.body?.getReader();
  if (!reader) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (; size < MAX_BODY; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.length;
  }
  await reader.cancel();
  return clip(Buffer.concat(chunks).subarray(0, MAX_BODY).toString("utf8"));
}

/** A connection that is accepted is success. */
export function tcpAction(host: string, port: number, timeoutMs: number): Promise<ActionOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (outcome: ActionOutcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const say = (error: unknown) => `dial tcp ${host}:${port}: ${netWords(error, timeoutMs)}`;
    const late = new DOMException("", "TimeoutError");
    const timer = setTimeout(() => end({ result: "failure", output: say(late) }), timeoutMs);
    socket.once("connect", () => end({ result: "success", output: "" }));
    socket.once("error", (error) => end({ result: "failure", output: say(error) }));
  });
}

const NET_WORDS: Record<string, string> = {
  ECONNREFUSED: "connect: connection refused",
  ConnectionRefused: "connect: connection refused",
  ECONNRESET: "read: connection reset by peer",
  ConnectionClosed: "read: connection reset by peer",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ENOTFOUND: "lookup: no such host",
};

function netWords(error: unknown, timeoutMs: number): string {
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string };
  if (name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  return NET_WORDS[String(code)] ?? message ?? String(error);
}
