/** How a process that was streamed ended. */
export type StreamEnding = { exitCode: number } | { error: string };

/**
 * What the error channel carries from protocol v4 on: a Kubernetes Status object, by which clients
 * take over the exit code.
 */
export function exitStatus(ending: StreamEnding): string {
  if ("error" in ending) {
    const { error: message } = ending;
    return JSON.stringify({
      metadata: {},
      status: "Failure",
      reason: "InternalError",
      message,
      details: { causes: [{ message }] },
      code: 500,
    });
  }
  const { exitCode } = ending;
  if (exitCode === 0) return JSON.stringify({ metadata: {}, status: "Success" });
  return JSON.stringify({
    metadata: {},
    status: "Failure",
    reason: "NonZeroExitCode",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  });
}

/** What the same channel carried before: words, and none for success. */
export function exitWords(ending: StreamEnding): string {
  if ("error" in ending) return ending.error;
  return ending.exitCode === 0 ? "" : `command terminated with exit code ${ending.exitCode}`;
}
