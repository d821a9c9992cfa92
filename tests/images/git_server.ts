import { createServer } from "node:net";
import { childEnv } from "#lib/install/child_env.ts";
import type { Sandbox } from "../lib/sandbox.ts";

/**
 * Serves the repositories below a folder over git's own protocol, on loopback, until the sandbox
 * closes: each connection gets a `git daemon` on its standard input. Returns `git://HOST:PORT`.
 */
export async function serveGit(sandbox: Sandbox, folder: string): Promise<string> {
  const server = createServer((socket) => {
    const child = Bun.spawn(
      ["git", "daemon", "--inetd", "--export-all", `--base-path=${folder}`, folder],
      { stdin: "pipe", stdout: "pipe", stderr: "ignore", env: childEnv() },
    );
    socket.on("error", () => child.kill("SIGKILL"));
    socket.on("data", (data) => {
      child.stdin.write(data);
      child.stdin.flush();
    });
    socket.on("end", () => child.stdin.end());
    passOn(child.stdout, socket).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  sandbox.onClose(() => {
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("git: no port");
  return `git://127.0.0.1:${address.port}`;
}

async function passOn(
  output: ReadableStream<Uint8Array>,
  socket: import("node:net").Socket,
): Promise<void> {
  for await (const part of output) socket.write(part);
  socket.end();
}
