import type { ChainError } from "#lib/errors/chain_error.ts";
import { toChainError } from "#lib/errors/chain_error.ts";
import { descriptorCause } from "#lib/errors/descriptor_cause.ts";
import { recordError } from "#lib/errors/error_record.ts";
import { ambientStateDir } from "#lib/install/install_paths.ts";

/**
 * A runtime's failure seen from the shim: `words` before it ("OCI runtime exec failed"), recorded
 * so that `catena explain` finds it when a genuine containerd keeps the text alone. containerd's
 * own shim answers these with the code Unknown, which is what its clients expect.
 */
export function runtimeFailed(thrown: unknown, op: string, words: string): ChainError {
  const inner = toChainError(thrown, "shim", op);
  const known = inner.causeId === undefined ? descriptorCause(inner, "shim") : {};
  const error = inner.wrap({ layer: "shim", op, code: "unknown", message: words, ...known });
  recordError(ambientStateDir(), error);
  return error;
}

/** How a kill's refusal reads to containerd: gone is NotFound, whatever words the runtime has. */
export function killFailed(thrown: unknown): ChainError {
  const inner = toChainError(thrown, "shim", "kill");
  const text = inner.words;
  const finished = /os: process already finished|container not running|no such process/i.test(text);
  if (finished) {
    const message = "process already finished";
    return inner.wrap({ layer: "shim", op: "kill", code: "not_found", message });
  }
  if (text.includes("does not exist")) {
    return inner.wrap({
      layer: "shim",
      op: "kill",
      code: "not_found",
      message: "no such container",
    });
  }
  return inner.wrap({
    layer: "shim",
    op: "kill",
    code: "unknown",
    message: "unknown error after kill",
  });
}
