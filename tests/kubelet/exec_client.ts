import { connect } from "node:net";
import type { KubeletUnderTest } from "./kubelet_under_test.ts";

const LIMIT_MS = 60_000;
const STDOUT = 1;

/** Runs a command by kubectl's WebSocket protocol; resolves with its stdout when it ended. */
export function execOverWebSocket(kubelet: KubeletUnderTest, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = new WebSocket(`ws://127.0.0.1:${kubelet.port}${path}`, {
    protocols: ["v4.channel.k8s.io"],
    headers: { authorization: `Bearer ${kubelet.token}` },
  });
  socket.binaryType = "arraybuffer";
  let text = "";
  const timer = setTimeout(() => reject(new Error(`no end of ${path}; so far: ${text}`)), LIMIT_MS);
  socket.onmessage = ({ data }) => {
    const bytes = new Uint8Array(data as ArrayBuffer);
    if (bytes[0] === STDOUT) text += new TextDecoder().decode(bytes.subarray(1));
  };
  socket.onclose = () => {
    clearTimeout(timer);
    resolve(text);
  };
  socket.onerror = (event) => reject(new Error(`stream of ${path} failed: ${String(event)}`));
  return promise;
}

/** Asks for a SPDY stream as kubectl does and goes away; resolves with the answer's head. */
export function upgradeOnly(kubelet: KubeletUnderTest, path: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(kubelet.port, "127.0.0.1");
  const timer = setTimeout(() => reject(new Error(`no answer to ${path}`)), LIMIT_MS);
  socket.once("data", (data) => {
    clearTimeout(timer);
    socket.destroy();
    resolve(data.toString("latin1"));
  });
  socket.once("error", reject);
  const head = [
    ...[`POST ${path} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${kubelet.token}`],
    ...["Connection: Upgrade", "Upgrade: SPDY/3.1", "Content-Length: 0"],
    "X-Stream-Protocol-Version: v4.channel.k8s.io",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  return promise;
}
