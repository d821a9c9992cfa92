import type { Status } from "#gen/lib/rpc/proto/status_pb.ts";
import { type ChainError, type FrameInit, failure, toChainError } from "#lib/errors/chain_error.ts";
import type { Layer } from "#lib/errors/frame.ts";
import { codeOfNumber, errorFromStatus, statusFromError } from "#lib/rpc/status_codec.ts";
import type { WireErrors } from "#lib/rpc/wire_errors.ts";

export interface CriErrorOptions {
  /** The link behind the socket: dockershim, or containerd where its CRI plugin is asked. */
  layer?: Layer;
  /** The socket that a client connects to, for the words of a failed connection. */
  address?: string;
  /** Keeps what a server tells its clients the id of, so that `catena explain` finds it. */
  record?: (error: ChainError) => void;
}

/**
 * Errors of the CRI. On the wire: the code of the outermost frame, the joined message (kubelets
 * print it and nothing else), and the frames as a detail.
 */
export function criErrors(options: CriErrorOptions = {}): WireErrors {
  const { layer = "dockershim", address, record } = options;
  return {
    layer,
    toStatus: (thrown, op) => {
      const error = toChainError(thrown, layer, op);
      record?.(error);
      return statusFromError(error);
    },
    fromStatus: (status, op) =>
      localError(status, op, layer, address) ?? errorFromStatus(status, layer, op),
  };
}

/** What the client itself answers when no reply came, in the words of a Go client. */
function localError(
  status: Status,
  op: string,
  layer: Layer,
  address: string | undefined,
): ChainError | undefined {
  const code = codeOfNumber(status.code);
  if (code === "unavailable" && /^No connection established/.test(status.message)) {
    const errno = /\b(ECONNREFUSED|ENOENT|EACCES|ECONNRESET)\b/.exec(status.message)?.[1];
    return failure(unreachable(op, layer, address ?? "the CRI socket", errno));
  }
  if (code === "deadline_exceeded" && /^Deadline exceeded/.test(status.message)) {
    return failure({ layer, op, code, message: "context deadline exceeded" });
  }
  if (code === "cancelled" && /^Cancelled on client/.test(status.message)) {
    return failure({ layer, op, code, message: "context canceled" });
  }
  return undefined;
}

const DIAL_WORDS: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ENOENT: "no such socket",
  EACCES: "access refused",
  ECONNRESET: "connection reset by peer",
};

function unreachable(
  op: string,
  layer: Layer,
  address: string,
  errno: string | undefined,
): FrameInit {
  const frame: FrameInit = {
    layer,
    op,
    code: "unavailable",
    message: `dial unix ${address}: ${DIAL_WORDS[errno ?? ""] ?? "no connection"}`,
    cause: `no container runtime serves ${address}`,
    fix: "start the runtime again; running containers are not affected",
    evidence: [{ kind: "path", value: address }],
  };
  if (errno) frame.evidence?.push({ kind: "errno", value: errno, ref: address });
  return frame;
}
