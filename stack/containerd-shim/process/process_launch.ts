import { failure, toChainError } from "#lib/errors/chain_error.ts";
import type { ProcessLauncher } from "#wire/oci-runtime/runtime.ts";
import type { Keeper } from "../keeping/keeper.ts";
import { startLogger } from "../stdio/log_program.ts";
import { openStreams } from "../stdio/open_streams.ts";
import type { Container, ExecProcess, InitProcess } from "./container.ts";

/** How long containerd's shim waits for a terminal after the runtime has returned. */
const CONSOLE_TIMEOUT_MS = 30_000;

/** What a runtime is given to start one process. */
export interface LaunchMeans {
  launcher: ProcessLauncher;
  consoleSocket?: string;
}

/**
 * Starts one process: opens its streams, hands them to the keeper, lets `run` start it with the
 * runtime, and has the keeper adopt it. Afterwards its pid is set and its exit will be kept.
 * On failure the keeper has forgotten it; what the runtime built is the runtime's to unwind.
 */
export async function launchProcess(
  container: Container,
  process: InitProcess | ExecProcess,
  run: (means: LaunchMeans) => Promise<{ pid: number }>,
): Promise<void> {
  const keeper = container.needKeeper("start");
  const { token, stdio } = process;
  const { ioUid: uid, ioGid: gid } = container.record.runtime;
  const opened = openStreams(stdio, { uid, gid });
  process.copied = opened.copied;
  // Not waited for: the keeper answers in order, and what follows is worked out meanwhile.
  const opening = keeper.open(token, opened.streams).then(
    () => undefined,
    (thrown: unknown) => ({ thrown }),
  );
  try {
    if (opened.logger) {
      const logger = await startLogger(keeper.launcher(token), opened.logger, container.record);
      container.loggers.push(logger);
    }
    const means: LaunchMeans = { launcher: keeper.launcher(token) };
    if (stdio.terminal) means.consoleSocket = await keeper.console(token);
    if (process.size) await keeper.resize(token, process.size.columns, process.size.rows);
    if (process.stdinClosed) await keeper.closeStdin(token);
    const { pid } = await run(means);
    if (stdio.terminal) await consoleArrived(process.consoleReady.promise);
    await adopt(keeper, token, pid);
    process.pid = pid;
  } catch (thrown) {
    const refused = await opening;
    if (refused) throw refused.thrown;
    await keeper.forget(token).catch(() => {});
    throw thrown;
  }
}

async function adopt(keeper: Keeper, token: number, pid: number): Promise<void> {
  try {
    await keeper.adopt(token, pid);
  } catch (thrown) {
    throw toChainError(thrown, "keeper", "adopt").wrap({
      layer: "shim",
      op: "adopt",
      code: "internal",
      message: `process ${pid}, which the runtime named, is no child of the container's keeper`,
    });
  }
}

async function consoleArrived(ready: Promise<void>): Promise<void> {
  const expired = Bun.sleep(CONSOLE_TIMEOUT_MS).then(() => true);
  if (!(await Promise.race([ready.then(() => false), expired]))) return;
  throw failure({
    layer: "shim",
    op: "console",
    code: "deadline_exceeded",
    message: "failed to retrieve console master: the runtime sent none",
  });
}
