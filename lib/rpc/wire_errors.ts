import type { Status } from "#gen/lib/rpc/proto/status_pb.ts";
import type { ChainError } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";

/** How one wire carries errors as gRPC statuses; each wire has one (`wire/<arrow>/errors.ts`). */
export interface WireErrors {
  /** The link that serves this wire. */
  layer: Layer;
  /** Anything that a service threw, as the status that its client gets. */
  toStatus(thrown: unknown, op: string): Status;
  /** A status that came back, as the error that the caller sees; `op` names the call. */
  fromStatus(status: Status, op: string): ChainError;
}
