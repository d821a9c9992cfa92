import { ChainError, failure, toChainError } from "#lib/errors/chain_error.ts";
import type { ErrorCode, Evidence } from "#lib/errors/frame.ts";
import { errnoText } from "#lib/linux/errno_text.ts";
import { errnoOf } from "#lib/linux/file.ts";

/** A verb refused: one frame of the runtime's. */
export function refuse(
  op: string,
  message: string,
  code: ErrorCode = "failed_precondition",
  extra: { evidence?: Evidence[]; causeId?: string; cause?: string; fix?: string } = {},
): ChainError {
  return failure({ layer: "runc", op, code, message, ...extra });
}

/** What was tried, as Go's library names it. */
function goWords(syscall: string, path: string | undefined): string {
  if (!path) return syscall;
  if (syscall === "connect") return `dial unix ${path}: connect`;
  return `${syscall === "opendir" ? "open" : syscall} ${path}`;
}

/**
 * Any failure of a verb as a ChainError. System errors get Go's words (`open PATH: no such file or
 * directory`), which parents match; a TypeError is how our own checks of input speak.
 */
export function commandFailure(error: unknown, op: string): ChainError {
  if (error instanceof ChainError) return error;
  if (error instanceof TypeError) return refuse(op, error.message, "invalid_argument");
  const errno = errnoOf(error);
  const { syscall, path } = error as { syscall?: string; path?: string };
  const chain = toChainError(error, "runc", op);
  if (errno === undefined) return chain;
  const { code, evidence } = chain.outer;
  const step = goWords(syscall ?? op, path);
  const words = `${step}: ${errnoText(errno)}`;
  return new ChainError([{ layer: "runc", op, code, message: words, evidence }]);
}
