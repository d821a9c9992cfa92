import { closeSync, openSync } from "node:fs";
import { failure, toChainError } from "#lib/errors/chain_error.ts";
import { pipe } from "#lib/linux/socket.ts";
import type { LaunchedProcess, ProcessLauncher } from "#wire/oci-runtime/runtime.ts";

/** A `binary://` address: a program that reads a container's output. */
export interface LoggerProgram {
  executable: string;
  args: string[];
}

/**
 * Reads `binary:///path/to/program?key=value…`: each pair becomes two arguments, a key without a
 * value one. Undefined when the address is of another kind.
 */
export function parseLogger(uri: string): LoggerProgram | undefined {
  if (!uri.startsWith("binary://")) return undefined;
  const url = new URL(uri);
  const args: string[] = [];
  for (const [key, value] of url.searchParams) {
    args.push(key);
    if (value !== "") args.push(value);
  }
  return { executable: decodeURIComponent(url.pathname), args };
}

/** A logger says that it is ready within this time, or the container does not start. */
const READY_TIMEOUT_MS = 10_000;

/**
 * Starts a logger: it reads stdout on descriptor 3, stderr on 4, and writes to 5 (or closes it)
 * when it is ready. Closes the two reading ends here in any case.
 */
export async function startLogger(
  launcher: ProcessLauncher,
  logger: LoggerProgram & { stdout: number; stderr: number },
  container: { id: string; namespace: string },
): Promise<LaunchedProcess> {
  const [ready, signal] = pipe();
  // Not the container's own streams: a logger that holds the writing ends never sees their end.
  const nothing = openSync("/dev/null", "r+");
  let started: LaunchedProcess;
  try {
    started = await launcher.spawn({
      executable: logger.executable,
      argv: [logger.executable, ...logger.args],
      env: { CONTAINER_ID: container.id, CONTAINER_NAMESPACE: container.namespace },
      stdio: { stdin: nothing, stdout: nothing, stderr: nothing },
      fds: [
        { fd: logger.stdout, as: 3 },
        { fd: logger.stderr, as: 4 },
        { fd: signal, as: 5 },
      ],
    });
  } catch (thrown) {
    closeSync(ready);
    const words = "failed to create init process I/O: failed to start binary process";
    throw toChainError(thrown, "shim", "start logger").wrap({
      layer: "shim",
      op: "start logger",
      code: "unknown",
      message: `${words}: ${logger.executable}`,
      fix: "name an executable that is there in the binary:// address of the logger",
    });
  } finally {
    for (const fd of [logger.stdout, logger.stderr, signal, nothing]) closeSync(fd);
  }
  await loggerReady(ready, logger.executable);
  return started;
}

async function loggerReady(ready: number, executable: string): Promise<void> {
  const reader = Bun.file(ready).stream().getReader();
  const expired = Bun.sleep(READY_TIMEOUT_MS).then(() => "expired" as const);
  try {
    if ((await Promise.race([reader.read(), expired])) !== "expired") return;
  } finally {
    reader.releaseLock();
    closeSync(ready);
  }
  throw failure({
    layer: "shim",
    op: "start logger",
    code: "deadline_exceeded",
    message: `failed to read from logging binary ${executable}: it did not say that it is ready`,
  });
}
