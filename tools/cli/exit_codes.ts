import { existsSync } from "node:fs";
import { ChainError, toChainError } from "#lib/errors/chain_error.ts";
import { findErrorRecord, recordError } from "#lib/errors/error_record.ts";
import { neutralText } from "#lib/errors/neutral_text.ts";

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

/** What to do after a failure that has these words, for the commonest ones. */
const NEXT_STEPS: readonly [words: RegExp, next: string][] = [
  [/^Cannot connect to the Docker daemon/, "catena daemon & starts one; catena tour needs none"],
  [/^No such container/, "catena ps --all lists the containers"],
  [/^No such image/, "catena images lists those that are here, catena pull NAME fetches one"],
  [/is not running$/, "catena logs NAME shows what it wrote, catena doctor NAME why it ended"],
];

/**
 * Says on stderr why a command failed, and records it in an existing state folder, so that the id
 * in the message can be explained also when the daemon never saw the failure.
 */
export function reportFailure(command: string, thrown: unknown, stateDir: string): void {
  const error = toChainError(thrown, "cli", command);
  if (existsSync(stateDir) && !findErrorRecord(stateDir, error.id)) recordError(stateDir, error);
  process.stderr.write(`catena ${command}: ${neutralText(error.message)}\n`);
  const next = NEXT_STEPS.find(([words]) => words.test(error.words))?.[1];
  if (next !== undefined) process.stderr.write(`next: ${next}\n`);
}
