import { type ChainError, type FrameInit, failure } from "#lib/errors/chain_error.ts";
import type { ErrorCode } from "#lib/errors/frame.ts";

/** The words with which containerd ends an error of these classes. */
const CLASS_WORDS = {
  invalid_argument: "invalid argument",
  not_found: "not found",
  already_exists: "already exists",
  failed_precondition: "failed precondition",
  unavailable: "unavailable",
  unimplemented: "not implemented",
} as const satisfies Partial<Record<ErrorCode, string>>;

/**
 * containerd's way to refuse a request: what is wrong, then the class of the error. The words are
 * those of genuine containerd, which clients show and match.
 */
export function refuse(
  code: keyof typeof CLASS_WORDS,
  message: string,
  extra: Partial<Pick<FrameInit, "fix" | "cause" | "evidence">> = {},
): ChainError {
  return failure({
    layer: "containerd",
    op: "request",
    code,
    message: `${message}: ${CLASS_WORDS[code]}`,
    ...extra,
  });
}
