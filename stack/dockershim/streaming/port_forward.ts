import { childEnv } from "#lib/install/child_env.ts";
import { libexecPath } from "#lib/install/install_paths.ts";

const MAX_ERROR_BYTES = 4096;

/** One forwarded connection, the client's side. */
export interface ForwardedPort {
  input: AsyncIterable<Uint8Array>;
  write(data: Uint8Array): Promise<void>;
  /** Aborted when the client is gone. */
  left: AbortSignal;
}

/**
 * Connects a client to a port on the loopback of the pod whose network namespace this process
 * shares; carries bytes until the port's side ends. Returns why it could not, "" when it could.
 */
export async function forwardPort(
  pid: number,
  port: number,
  client: ForwardedPort,
): Promise<string> {
  const netns = `/proc/${pid}/ns/net`;
  const child = Bun.spawn([libexecPath("catena-netns"), "forward", netns, String(port)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: childEnv(),
  });
  const kill = () => child.kill("SIGKILL");
  client.left.addEventListener("abort", kill, { once: true });
  try {
    void feed(child.stdin, client.input);
    for await (const data of child.stdout) await client.write(data);
    const stderr = await new Response(child.stderr).text();
    const code = await child.exited;
    if (code === 0 || client.left.aborted) return "";
    const reason = stderr.trim().slice(0, MAX_ERROR_BYTES) || `exit code ${code}`;
    return `error forwarding port ${port} to pod: ${reason}`;
  } finally {
    client.left.removeEventListener("abort", kill);
    kill();
  }
}

async function feed(stdin: Bun.FileSink, input: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const data of input) {
      stdin.write(data);
      await stdin.flush();
    }
    await stdin.end();
  } catch {
    // The port's side is closed and takes no more.
  }
}
