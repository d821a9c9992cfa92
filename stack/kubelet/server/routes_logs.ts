import { existsSync } from "node:fs";
import { join } from "node:path";
import { failure } from "#lib/errors/chain_error.ts";
import { readLog } from "../logs/read_log.ts";
import { newestOf } from "../pod/pod_state.ts";
import { podOf } from "./find_pod.ts";
import type { HttpCall, HttpRoute } from "./http_server.ts";

/** /containerLogs/NAMESPACE/POD/CONTAINER, with kubectl's parameters. */
export const logRoutes: readonly HttpRoute[] = [
  {
    method: "GET",
    path: /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/]+)$/,
    guarded: true,
    handle: containerLogs,
  },
];

async function containerLogs(call: HttpCall): Promise<void> {
  const { api, url, response, params } = call;
  const [namespace, name, container] = params as [string, string, string];
  const view = podOf(api.pods, namespace, name);
  const path = logPath(call, view, container);
  const query = url.searchParams;
  const follow = isTrue(query.get("follow"));
  const abort = new AbortController();
  response.on("close", () => abort.abort());
  const tailLines = wholeNumber(query, "tailLines");
  const limitBytes = wholeNumber(query, "limitBytes");
  const sinceSeconds = wholeNumber(query, "sinceSeconds");
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  const runs = () => {
    const now = api.pods.find(namespace, name, view.pod.uid);
    return now !== undefined && newestOf(now.state, container)?.phase === "running";
  };
  const texts = readLog({
    path,
    timestamps: isTrue(query.get("timestamps")),
    follows: () => follow && runs(),
    signal: abort.signal,
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceSeconds !== undefined && { sinceMs: Date.now() - sinceSeconds * 1000 }),
  });
  for await (const text of texts) {
    if (abort.signal.aborted) return;
    if (!response.write(text)) await drained(response, abort.signal);
  }
  response.end();
}

function drained(response: HttpCall["response"], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    response.once("drain", resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function logPath({ api, url }: HttpCall, view: ReturnType<typeof podOf>, name: string): string {
  const newest = newestOf(view.state, name);
  const previous = isTrue(url.searchParams.get("previous"));
  const attempt = (newest?.attempt ?? 0) - (previous ? 1 : 0);
  const path = join(api.context.folders.podLogs(view.pod), name, `${attempt}.log`);
  if (newest && attempt >= 0 && existsSync(path)) return path;
  const which = previous ? `previous terminated container "${name}"` : `container "${name}"`;
  const message = `${which} in pod "${view.pod.name}" not found`;
  throw failure({ layer: "kubelet", op: "read log", code: "not_found", message });
}

function isTrue(text: string | null): boolean {
  return text === "true" || text === "1";
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const message = `${name}: Invalid value: "${text}": must be a number from 0`;
  throw failure({ layer: "kubelet", op: "read log", code: "invalid_argument", message });
}
