import { ChainError, type FrameInit, failure, toChainError } from "#lib/errors/chain_error.ts";
import type { ErrorCode } from "#lib/errors/frame.ts";

/** A refusal of this box. */
export function refuse(
  code: ErrorCode,
  op: string,
  message: string,
  more: Partial<FrameInit> = {},
) {
  return failure({ layer: "dockershim", op, code, message, ...more });
}

/** What a request asks for and cannot be: InvalidArgument. */
export const invalid = (op: string, message: string) => refuse("invalid_argument", op, message);

/** What Docker has no means for: Unimplemented. */
export const unsupported = (op: string, message: string) => refuse("unimplemented", op, message);

/** Adds this box's frame to anything thrown below; the code stays that of the link below. */
export function framed(op: string, message: string, thrown: unknown): ChainError {
  const error = toChainError(thrown, "dockershim", op);
  return error.wrap({ layer: "dockershim", op, code: error.outer.code, message });
}

/** Runs `work`; what it throws gets this box's frame. */
export async function inFrame<T>(op: string, message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw framed(op, message, thrown);
  }
}

/** Whether the object that was asked for is gone, or was never there. */
export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof ChainError && thrown.outer.code === "not_found";
}

/** Runs `work`; undefined when its object is gone. */
export async function ifPresent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (thrown) {
    if (isNotFound(thrown)) return undefined;
    throw thrown;
  }
}
