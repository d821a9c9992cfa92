import { connect, createServer, type Socket } from "node:net";
import type { Sandbox } from "../lib/sandbox.ts";
import type { KubeletUnderTest } from "./kubelet_under_test.ts";

const RESOURCES = ["pods", "pods/exec", "pods/attach", "pods/portforward", "pods/log"];
const HEAD_END = "\r\n\r\n";
/** What kubectl asks an API server for, and the kubelet has under another name. */
const PASSED = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/(exec|attach|portforward|log)$/;
const FLAGS: Record<string, string> = { stdin: "input", stdout: "output", stderr: "error" };

/**
 * As much of an API server as `kubectl exec`, `attach`, `port-forward` and `logs` need: discovery,
 * the pods that a kubelet tells, and streams handed through to it, byte by byte. Returns its URL.
 */
export async function servePods(sandbox: Sandbox, kubelet: KubeletUnderTest): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    let head = Buffer.alloc(0);
    const take = (bytes: Buffer) => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf(HEAD_END);
      if (end < 0) return;
      client.off("data", take);
      client.pause();
      const rest = head.subarray(end + HEAD_END.length);
      void answer(kubelet, client, head.toString("latin1", 0, end), rest);
    };
    client.on("data", take);
    client.on("error", () => client.destroy());
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => resolve());
  await promise;
  sandbox.onClose(() => void server.close());
  const address = server.address() as { port: number };
  return `http://127.0.0.1:${address.port}`;
}

async function answer(kubelet: KubeletUnderTest, client: Socket, head: string, rest: Buffer) {
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const url = new URL(target, "http://api");
  const passed = PASSED.exec(url.pathname);
  if (passed)
    return passOn(kubelet, client, [`${method} ${pathOf(url, passed)} HTTP/1.1`], lines, rest);
  const body = JSON.stringify(await objectAt(kubelet, url.pathname));
  const status = body === "null" ? "404 Not Found" : "200 OK";
  const headers = ["Content-Type: application/json", "Connection: close"];
  const text = body === "null" ? "{}" : body;
  const length = `Content-Length: ${Buffer.byteLength(text)}`;
  client.end([`HTTP/1.1 ${status}`, ...headers, length, "", text].join("\r\n"));
}

/** The kubelet's own path for a request about a pod's streams. */
function pathOf(url: URL, [, namespace, pod, verb]: RegExpExecArray): string {
  const container = url.searchParams.get("container") ?? "";
  const query = new URLSearchParams();
  for (const [name, value] of url.searchParams) {
    if (name === "container") continue;
    if (FLAGS[name]) query.append(FLAGS[name], "1");
    else query.append(name, name === "tty" ? "1" : value);
  }
  const kinds: Record<string, string> = { log: "containerLogs", portforward: "portForward" };
  const place = `/${kinds[verb!] ?? verb}/${namespace}/${pod}`;
  return `${place}${verb === "portforward" ? "" : `/${container}`}?${query}`;
}

function passOn(
  kubelet: KubeletUnderTest,
  client: Socket,
  first: string[],
  lines: string[],
  rest: Buffer,
): void {
  const far = connect({ host: "127.0.0.1", port: kubelet.port, allowHalfOpen: true });
  const kept = lines.filter((line) => !/^(authorization|connection: close)/i.test(line));
  const head = [...first, ...kept, `Authorization: Bearer ${kubelet.token}`];
  far.write(`${head.join("\r\n")}${HEAD_END}`);
  far.write(rest);
  const end = () => {
    client.destroy();
    far.destroy();
  };
  far.on("error", end);
  far.on("close", end);
  client.on("close", end);
  client.pipe(far);
  far.pipe(client);
}

async function objectAt(kubelet: KubeletUnderTest, path: string): Promise<unknown> {
  if (path === "/version") return { major: "1", minor: "32", gitVersion: "v1.32.4" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups: [] };
  if (path === "/api/v1") {
    const resources = RESOURCES.map((name) => {
      return { name, singularName: "", namespaced: true, kind: "Pod", verbs: ["get", "create"] };
    });
    return { kind: "APIResourceList", apiVersion: "v1", groupVersion: "v1", resources };
  }
  const name = /^\/api\/v1\/namespaces\/default\/pods\/([^/]+)$/.exec(path)?.[1];
  const { items } = await kubelet.json("/pods");
  const pod = items.find((one: { metadata: { name: string } }) => one.metadata.name === name);
  return pod ? { kind: "Pod", apiVersion: "v1", ...pod } : null;
}
