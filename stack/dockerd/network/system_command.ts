import { failure } from "#lib/errors/chain_error.ts";
import { spawnFailed } from "#lib/errors/spawn_cause.ts";
import { childEnv } from "#lib/install/child_env.ts";
import { callInNetworkNamespace } from "#lib/linux/network_namespace.ts";

const TIME_LIMIT_MS = 10_000;
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs iproute2's `ip`, in the network namespace at a path when one is named. */
export const runIp = (args: string[], namespace?: string) => runSystem(["ip", ...args], namespace);

/** Runs a program of the system that must succeed; its words go into the error. */
export async function runSystem(argv: string[], namespace?: string): Promise<void> {
  const start = () =>
    Bun.spawn(argv, {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: TIME_LIMIT_MS,
      killSignal: "SIGKILL",
      env: childEnv({ PATH }),
    });
  // A child is in the namespace of the thread that starts it.
  let child: ReturnType<typeof start>;
  try {
    child = namespace ? callInNetworkNamespace(namespace, start) : start();
  } catch (thrown) {
    throw spawnFailed(thrown, "dockerd", "set up network");
  }
  const [code, words] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code === 0) return;
  throw failure({
    layer: "dockerd",
    op: "set up network",
    code: "internal",
    message: `${argv.join(" ")}: ${words.trim() || `exit code ${code}`}`,
    evidence: [{ kind: "exit", value: String(code), ref: argv[0]! }],
  });
}
