import type { ChainError } from "#lib/errors/chain_error.ts";

/** Exit codes of a process that never ran, as shells and docker have them. */
export const CANNOT_RUN = 126;
const NOT_FOUND = 127;
const UNKNOWN = 128;

export interface LaunchFailure {
  exitCode: number;
  error: ChainError;
}

/**
 * Adds this link's frame to a process that could not be started. dockerd tells "cannot be run" and
 * "not found" from other failures by the runtime's words, and so do its clients by ours.
 * `otherwise` is the exit code where the words tell neither: 128 for a container, 126 for an exec.
 */
export function launchFailure(
  error: ChainError,
  op: string,
  message: string,
  otherwise = UNKNOWN,
): LaunchFailure {
  const words = error.words.toLowerCase();
  const wrap = (exitCode: number, code: "invalid_argument" | "unknown", more = "") => ({
    exitCode,
    error: error.wrap({ layer: "dockerd", op, code, message: `${message}${more}` }),
  });
  if (words.includes("permission denied")) return wrap(CANNOT_RUN, "invalid_argument");
  // The docker CLI ends with 126 only where it reads these words.
  if (words.includes("is a directory")) {
    return wrap(CANNOT_RUN, "invalid_argument", message === "" ? "" : ": permission denied");
  }
  const missing = ["executable file not found", "no such file or directory", "not a directory"];
  if (missing.some((phrase) => words.includes(phrase))) return wrap(NOT_FOUND, "invalid_argument");
  return wrap(otherwise, "unknown");
}
