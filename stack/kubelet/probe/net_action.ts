import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
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
 * leads elsewhere is success, for what is elsewhere is not this container. Proxies of the
 * environment are not used (fetch would use them).
 */
export async function httpAction({ url, headers, timeoutMs }: HttpTarget): Promise<ActionOutcome> {
  const signal = AbortSignal.timeout(timeoutMs);
  const head: Record<string, string> = { "user-agent": USER_AGENT, accept: "*/*" };
  for (const { name, value } of headers) head[name.toLowerCase()] = value;
  let at = new URL(url);
  try {
    for (let step = 0; step <= MAX_REDIRECTS; step++) {
      const reply = await get(at, head, signal);
      const next = redirection(reply, at);
      if (next && next.host === at.host) {
        at = next;
        continue;
      }
      const { status, body } = reply;
      if (status >= 200 && status < 400) return { result: "success", output: body };
      const output = `HTTP probe failed with statuscode: ${status}`;
      return { result: "failure", output: body === "" ? output : `${output}; ${body}` };
    }
    return { result: "failure", output: `Get "${url}": stopped after ${MAX_REDIRECTS} redirects` };
  } catch (error) {
    return { result: "failure", output: `Get "${url}": ${netWords(error, timeoutMs)}` };
  }
}

interface Reply {
  status: number;
  location: string | undefined;
  /** As much of it as an event shows. */
  body: string;
}

function get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Reply> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const tls = { rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const late = (): void => {
      request.destroy();
      reject(signal.reason);
    };
    const request = send(url, { headers, agent: false, ...tls }, (reply) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const end = (): void => {
        signal.removeEventListener("abort", late);
        const body = clip(Buffer.concat(chunks).subarray(0, MAX_BODY).toString("utf8"));
        resolve({ status: reply.statusCode ?? 0, location: reply.headers.location, body });
        request.destroy();
      };
      reply.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= MAX_BODY) end();
      });
      reply.on("end", end);
      reply.on("error", reject);
    });
    request.on("error", reject);
    signal.addEventListener("abort", late, { once: true });
    request.end();
  });
}

function redirection({ status, location }: Reply, from: URL): URL | undefined {
  if (status < 300 || status >= 400 || location === undefined) return undefined;
  return URL.canParse(location, from.href) ? new URL(location, from) : undefined;
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
