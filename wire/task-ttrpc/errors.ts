import { ChainError, failure } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";

/** The connection ended under a call: what Go's client calls `ttrpc: closed`. */
export function connectionClosed(layer: Layer, op: string, address: string): ChainError {
  return failure({
    layer,
    op,
    code: "unavailable",
    message: "ttrpc: closed",
    causeId: "ttrpc-closed",
    cause: "the process that serves this socket closed the connection while it was called",
    fix: "look at whether that process died and why; containerd starts a shim again when asked",
    evidence: [{ kind: "path", value: "unix socket", ref: address }],
  });
}

/** The caller's deadline passed before the answer came. */
export function deadlineExceeded(layer: Layer, op: string, address: string): ChainError {
  return failure({
    layer,
    op,
    code: "deadline_exceeded",
    message: "context deadline exceeded",
    causeId: "slow-link",
    cause: "no answer came within the caller's time limit",
    fix: "find the slow or stopped link below",
    evidence: [{ kind: "path", value: "unix socket", ref: address }],
  });
}

/** The caller gave up. */
export function cancelled(layer: Layer, op: string): ChainError {
  return new ChainError([{ layer, op, code: "cancelled", message: "context canceled" }]);
}

/** A call of a service or method that this server does not have, in Go ttrpc's words. */
export function unimplemented(layer: Layer, name: string): ChainError {
  return failure({ layer, op: "dispatch", code: "unimplemented", message: name });
}
