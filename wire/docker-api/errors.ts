import { type ChainError, failure } from "#lib/errors/chain_error.ts";
import {
  type ChainErrorJson,
  chainErrorFromJson,
  chainErrorToJson,
} from "#lib/errors/error_json.ts";
import type { ErrorCode } from "#lib/errors/frame.ts";

/** The one mapping of error codes onto this wire: HTTP status, as dockerd's errdefs give it. */
const STATUS_OF_CODE: Record<ErrorCode, number> = {
  cancelled: 500,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 500,
  failed_precondition: 409,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
};

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  400: "invalid_argument",
  401: "unauthenticated",
  403: "permission_denied",
  404: "not_found",
  409: "failed_precondition",
  501: "unimplemented",
  503: "unavailable",
  504: "deadline_exceeded",
};

/** Body of every refusal: dockerd's `message`, and our frames beside it. */
export interface ErrorBody {
  message: string;
  chain?: ChainErrorJson;
}

/** HTTP status of a failure: the outermost frame decides. */
export function statusOfError(error: ChainError): number {
  return STATUS_OF_CODE[error.outer.code];
}

/** The body of a refusal. */
export function errorBody(error: ChainError): ErrorBody {
  return { message: error.message, chain: chainErrorToJson(error) };
}

/**
 * Reads a refusal. With frames (our daemon) they are carried on unchanged; a genuine daemon's text
 * becomes one frame of layer dockerd.
 */
export function errorFromReply(status: number, body: string, op: string): ChainError {
  const parsed = parseBody(body);
  const chain = chainErrorFromJson(parsed?.chain);
  if (chain) return chain;
  const message = parsed?.message ?? (body.trim() || `unexpected status ${status}`);
  return failure({
    layer: "dockerd",
    op,
    code: CODE_OF_STATUS[status] ?? "unknown",
    message,
    evidence: [{ kind: "exit", value: `HTTP status ${status}` }],
  });
}

function parseBody(body: string): { message?: string; chain?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return undefined;
    const { message, chain } = value as { message?: unknown; chain?: unknown };
    return typeof message === "string" ? { message, chain } : { chain };
  } catch {
    return undefined;
  }
}
