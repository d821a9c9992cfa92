import { readlinkSync } from "node:fs";
import { childEnv } from "#lib/install/child_env.ts";
import { waitUntil } from "../../lib/wait_until.ts";
import type { Trial } from "../harness/trial.ts";

/** A network namespace of a trial's own: what is done in it never reaches the host's network. */
export interface TestNamespace {
  /** Names it, as long as the trial lasts. */
  path: string;
  /** The arguments before a program that is to run in it. */
  enter: string[];
}

/** Makes a network namespace that lasts as long as the trial. */
export async function newNetworkNamespace(trial: Trial): Promise<TestNamespace> {
  const own = readlinkSync("/proc/self/ns/net");
  const holder = Bun.spawn(["unshare", "--net", "sleep", "300"], {
    stdio: ["ignore", "ignore", "ignore"],
    env: childEnv(),
  });
  trial.onClose(async () => {
    holder.kill("SIGKILL");
    await holder.exited;
  });
  const path = `/proc/${holder.pid}/ns/net`;
  await waitUntil("the namespace is there", async () =>
    readlinkSync(path) === own ? undefined : true,
  );
  return { path, enter: ["nsenter", `--net=${path}`] };
}
