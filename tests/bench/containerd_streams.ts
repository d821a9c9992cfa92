import { childEnv } from "#lib/install/child_env.ts";
import { mustRun } from "../lib/command.ts";
import type { ContainerdClient } from "../lib/containerd_client.ts";
import type { Sandbox } from "../lib/sandbox.ts";

const STREAM_MB = 1024;

/** What a reader of a container's stdout gets, in MB a second, from its first byte to its last. */
export async function stdoutRate(client: ContainerdClient, sandbox: Sandbox): Promise<number> {
  const stdout = sandbox.path("streams", `out${Bun.nanoseconds()}`);
  await mustRun(["mkfifo", stdout]);
  const reader = Bun.spawn(["dd", `if=${stdout}`, "of=/dev/null", "bs=1M"], {
    env: childEnv(),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const id = await client.run(["dd", "if=/dev/zero", "bs=1M", `count=${STREAM_MB}`], {
    stdout,
    stderr: stdout,
  });
  const started = performance.now();
  await client.services.tasks.wait({ containerId: id }, client.context);
  const seconds = (performance.now() - started) / 1000;
  await client.remove(id, false);
  await reader.exited;
  return STREAM_MB / seconds;
}
