import type { Status } from "#gen/lib/rpc/proto/status_pb.ts";
import { type ChainError, type FrameInit, failure, toChainError } from "#lib/errors/chain_error.ts";
import type { ErrorCode } from "#lib/errors/frame.ts";
import { codeOfNumber, errorFromStatus, statusFromError } from "#lib/rpc/status_codec.ts";
import type { WireErrors } from "#lib/rpc/wire_errors.ts";

/**
 * The words with which containerd ends an error of each class. Go clients cut them off and add them
 * again (errdefs), so they must stand at the very end.
 */
const CLASS_WORDS: Partial<Record<ErrorCode, string>> = {
  invalid_argument: "invalid argument",
  not_found: "not found",
  already_exists: "already exists",
  failed_precondition: "failed precondition",
  unavailable: "unavailable",
  unimplemented: "not implemented",
  cancelled: "context canceled",
  deadline_exceeded: "context deadline exceeded",
};

/**
 * Errors of containerd's gRPC services. On the wire: the code of the outermost frame, a text that
 * ends as containerd's do, and the frames as a detail.
 *
 * A client names the `address` that it connects to, for the words of a failed connection. A server
 * names what records errors whose text quotes their id, so that `catena explain` finds them.
 */
export function containerdErrors(
  options: { address?: string; record?: (error: ChainError) => void } = {},
): WireErrors {
  const { address, record } = options;
  return {
    layer: "containerd",
    toStatus: (thrown, op) => {
      const error = toChainError(thrown, "containerd", op);
      if (isExplained(error)) record?.(error);
      return { ...statusFromError(error), message: wireText(error) };
    },
    fromStatus: (status, op) =>
      localError(status, op, address) ?? errorFromStatus(status, "containerd", op),
  };
}

/**
 * The text for clients that read nothing else. An error that says all in its words keeps genuine
 * containerd's form; the id is added where `catena explain` has more to tell.
 */
export function wireText(error: ChainError): string {
  const text = isExplained(error) ? error.message : error.words;
  const words = CLASS_WORDS[error.outer.code];
  if (!words || text === words || text.endsWith(`: ${words}`)) return text;
  return `${text}: ${words}`;
}

/** Whether there is more to tell than the words. */
function isExplained({ frames }: ChainError): boolean {
  return frames.some(({ evidence, cause, causeId }) => evidence.length > 0 || cause || causeId);
}

/** What the client itself answers when no reply came, in the words of a Go client. */
function localError(
  status: Status,
  op: string,
  address: string | undefined,
): ChainError | undefined {
  const code = codeOfNumber(status.code);
  if (code === "unavailable" && /^No connection established/.test(status.message)) {
    const errno = /\b(ECONNREFUSED|ENOENT|EACCES|ECONNRESET)\b/.exec(status.message)?.[1];
    return failure(unreachable(op, address ?? "containerd", errno));
  }
  if (code === "deadline_exceeded" && /^Deadline exceeded/.test(status.message)) {
    return failure({ layer: "containerd", op, code, message: "context deadline exceeded" });
  }
  if (code === "cancelled" && /^Cancelled on client/.test(status.message)) {
    return failure({ layer: "containerd", op, code, message: "context canceled" });
  }
  return undefined;
}

const DIAL_WORDS: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ENOENT: "no such socket",
  EACCES: "access refused",
  ECONNRESET: "connection reset by peer",
};

function unreachable(op: string, address: string, errno: string | undefined): FrameInit {
  const frame: FrameInit = {
    layer: "containerd",
    op,
    code: "unavailable",
    message: `dial unix ${address}: ${DIAL_WORDS[errno ?? ""] ?? "no connection"}`,
    causeId: "containerd-down",
    cause: `nobody serves ${address}`,
    fix: "start containerd again; running containers are not affected",
    evidence: [{ kind: "path", value: address }],
  };
  if (errno) frame.evidence?.push({ kind: "errno", value: errno, ref: address });
  return frame;
}
