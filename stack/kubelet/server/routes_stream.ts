import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { failure } from "#lib/errors/chain_error.ts";
import type { StreamRequest } from "../runtime/pod_runtime.ts";
import { podOf, runningContainer } from "./find_pod.ts";
import type { HttpCall, HttpRoute } from "./http_server.ts";
import type { KubeletApi } from "./kubelet_api.ts";

const STREAM_PATH = /^\/(exec|attach|portForward)\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/;
const RUN_LIMIT_SECONDS = 60;
const CONNECT_MS = 10_000;
/** Neither SPDY nor WebSocket goes on after one side ended. */
const LAST_BYTES_MS = 1_000;

/** POST /run/NAMESPACE/POD/CONTAINER?cmd=…: a command's output, without a stream. */
export const runRoute: HttpRoute = {
  method: "POST",
  path: /^\/run\/([^/]+)\/([^/]+)\/([^/]+)$/,
  guarded: true,
  handle: runCommand,
};

async function runCommand({ api, url, response, params }: HttpCall): Promise<void> {
  const [namespace, name, container] = params as [string, string, string];
  const { id } = runningContainer(podOf(api.pods, namespace, name), container);
  const command = url.searchParams.getAll("cmd");
  if (command.length === 0) throw badRequest("cmd: Required value");
  const words = command.length === 1 ? command[0]!.split(" ") : command;
  const { exitCode, output } = await api.context.runtime.execSync(id, words, RUN_LIMIT_SECONDS);
  response.writeHead(200, { "content-type": "text/plain", "x-exit-code": String(exitCode) });
  response.end(output);
}

/**
 * Carries an exec, attach or port-forward (SPDY or WebSocket) to the runtime's streaming server:
 * the request is repeated there and both connections become one. Resolves when they are gone;
 * rejects before any answer.
 */
export async function carryUpgrade(
  api: KubeletApi,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const target = new URL(await streamUrl(api, url));
  if (target.protocol !== "http:") throw badRequest(`the runtime streams over ${target.protocol}`);
  const remote = connect({ host: target.hostname, port: Number(target.port) || 80 });
  const timer = setTimeout(() => remote.destroy(new Error("no connection")), CONNECT_MS);
  await new Promise<void>((resolve, reject) => {
    remote.once("connect", resolve);
    remote.once("error", (error) => reject(unreachable(target, error)));
  }).finally(() => clearTimeout(timer));
  remote.write(requestHead(request, target));
  if (head.length > 0) remote.write(head);
  await carried(socket, remote);
}

/**
 * Makes two connections one; resolves when both are gone. When one side ended, the other has a
 * moment for its last bytes. (A client that is gone shows as `end` alone here.)
 */
function carried(client: Duplex, remote: Duplex): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      client.destroy();
      remote.destroy();
      resolve();
    };
    for (const side of [client, remote]) {
      side.on("error", finish);
      side.on("close", finish);
      side.on("end", () => {
        timer ??= setTimeout(finish, LAST_BYTES_MS);
      });
    }
    client.pipe(remote);
    remote.pipe(client);
  });
}

async function streamUrl(api: KubeletApi, url: URL): Promise<string> {
  const match = STREAM_PATH.exec(url.pathname);
  if (!match) throw badRequest(`no streams at ${url.pathname}`);
  const [kind, namespace, name, container] = match.slice(1).map((part) => part ?? "");
  const view = podOf(api.pods, namespace!, name!);
  const { runtime } = api.context;
  const query = url.searchParams;
  if (kind === "portForward") {
    const { sandbox } = view.state;
    if (!sandbox) throw badRequest(`pod "${name}" has no sandbox`);
    return runtime.portForwardUrl(sandbox.id, query.getAll("port").map(Number));
  }
  const request: StreamRequest = {
    containerId: runningContainer(view, container!).id,
    command: query.getAll("command"),
    stdin: asks(query, "input", "stdin"),
    stdout: asks(query, "output", "stdout"),
    stderr: asks(query, "error", "stderr") && !asks(query, "tty", "tty"),
    tty: asks(query, "tty", "tty"),
  };
  return kind === "exec" ? runtime.execUrl(request) : runtime.attachUrl(request);
}

/** The kubelet's name of a parameter, or the API server's. */
function asks(query: URLSearchParams, ...names: string[]): boolean {
  return names.some((name) => ["1", "true"].includes(query.get(name) ?? ""));
}

/** The client's request head for the streaming server: its path there, and not our token. */
function requestHead(request: IncomingMessage, target: URL): string {
  const lines = [`${request.method} ${target.pathname}${target.search} HTTP/1.1`];
  lines.push(`Host: ${target.host}`);
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i]!;
    if (/^(host|authorization)$/i.test(name)) continue;
    lines.push(`${name}: ${request.rawHeaders[i + 1]}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function badRequest(message: string) {
  return failure({ layer: "kubelet", op: "open stream", code: "invalid_argument", message });
}

function unreachable(target: URL, error: Error) {
  return failure({
    layer: "kubelet",
    op: "open stream",
    code: "unavailable",
    message: `dial tcp ${target.host}: ${error.message}`,
    cause: "the runtime's streaming server does not answer at the address that the runtime named",
    fix: "check stream_server_address of the runtime: it must be reachable from this node",
  });
}
