import { ChainError, toChainError } from "#lib/errors/chain_error.ts";
import { neutralText } from "#tools/doctor/report/neutral_text.ts";

/** Docker's own exit codes: the command did not run. */
export const EXIT_FAILED = 125;
export const EXIT_NOT_EXECUTABLE = 126;
export const EXIT_NOT_FOUND = 127;

/**
 * The exit code for a container that could not be started or entered: 127 when its program is
 * missing, 126 when it may not be executed, else 125.
 */
export function exitCodeOfFailure(thrown: unknown): number {
  const words = thrown instanceof ChainError ? thrown.words : String(thrown);
  if (/executable file not found|no such file or directory/i.test(words)) return EXIT_NOT_FOUND;
  if (/permission denied/i.test(words)) return EXIT_NOT_EXECUTABLE;
  return EXIT_FAILED;
}

/** Says on stderr why a command failed. */
export function reportFailure(command: string, thrown: unknown): void {
  const error = toChainError(thrown, "cli", command);
  process.stderr.write(`catena ${command}: ${neutralText(error.message)}\n`);
}
