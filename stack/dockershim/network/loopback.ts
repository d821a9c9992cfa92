import { childEnv } from "#lib/install/child_env.ts";
import { libexecPath } from "#lib/install/install_paths.ts";
import { refuse } from "../refusals.ts";

const LIMIT_MS = 10_000;

/**
 * Brings a pod's loopback up: containers of a pod reach each other by it, whatever network there is
 * besides. Runtimes do so too, but for those that leave it to the network.
 */
export async function raiseLoopback(netns: string): Promise<void> {
  const child = Bun.spawn([libexecPath("catena-netns"), "loopback", netns], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: childEnv(),
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const [reason, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code === 0) return;
  throw refuse("unknown", "raise loopback", `failed to bring up lo: ${reason.trim()}`, {
    evidence: [{ kind: "exit", value: `exit code ${code}`, ref: netns }],
  });
}
