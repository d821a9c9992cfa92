import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { recordError } from "#lib/errors/error_record.ts";
import { Log } from "#lib/log/log.ts";
import { SpoolSink } from "#lib/trace/spool.ts";
import { createContainerd } from "#stack/containerd/main.ts";
import { serveContainerd } from "#wire/containerd-api/server.ts";

const DEFAULT_ROOT = "/var/lib/catena/containerd";
const DEFAULT_STATE = "/run/catena/containerd";
/** How long calls under way may take to end when the daemon is told to stop. */
const GRACE_MS = 1_000;

/**
 * `catena containerd --root DIR --state DIR [--address SOCK] [--log-level debug]`: serves containerd
 * until SIGTERM or SIGINT. The socket is `containerd.sock` in the state folder unless named.
 * Containers live on when it ends.
 */
export async function runContainerd(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      root: { type: "string", default: DEFAULT_ROOT },
      state: { type: "string", default: DEFAULT_STATE },
      address: { type: "string", short: "a" },
      "log-level": { type: "string", short: "l", default: "info" },
    },
  });
  const root = resolve(values.root);
  const state = resolve(values.state);
  const address = resolve(values.address ?? join(state, "containerd.sock"));
  const debug = values["log-level"] === "debug";
  const log = new Log("containerd", debug ? "debug" : "info");
  const traces = new SpoolSink(state);
  const containerd = await createContainerd({ root, state, address, log, debug, traces });
  const server = await serveContainerd(containerd.services, address, (error) =>
    recordError(state, error),
  );
  log.info("containerd serving", { address });
  await stopSignal();
  log.info("containerd stops; containers live on");
  await server.close(GRACE_MS);
  await containerd.close();
  traces.flushSync();
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}
